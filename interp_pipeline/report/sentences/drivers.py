"""What drives the model, feature by feature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.report.wording import count, effect, listed, name, output_phrase, percent

if TYPE_CHECKING:
    from interp_pipeline.report.drivers import Driver, Group

__all__ = ["driver_sentence", "leading_sentence", "weight_sentence"]

_NEARLY_ALL = 0.9  # of all effect


def leading_sentence(drivers: tuple[Driver, ...], n_features: int) -> str:
    """How much of all effect the first features carry: as many of these as it takes for nearly all of it."""
    leading: list[Driver] = []
    for driver in drivers:
        if driver.direction != "none" and sum(each.share for each in leading) < _NEARLY_ALL:
            leading.append(driver)
    if not leading:
        return "No feature has any effect on the predictions for these rows."
    names = listed([name(driver.feature) for driver in leading])
    share = percent(min(1.0, sum(driver.share for driver in leading)), 0)
    if len(leading) == 1:
        return f"Of {count(n_features, 'feature')}, {names} matters most: it carries {share} of all effect."
    return f"Of {count(n_features, 'feature')}, {names} matter most: together they carry {share} of all effect."


def weight_sentence(driver: Driver, unit: str) -> str:
    """How strongly one feature moves a prediction."""
    if driver.direction == "none":
        return "It does not move any prediction."
    return (
        f"It moves a prediction by {effect(driver.importance, unit, signed=False)} on average, "
        f"{percent(driver.share, 0)} of all effect."
    )


def driver_sentence(driver: Driver, unit: str) -> str:
    """Which way one feature moves the output, with the numbers it was read from."""
    feature, output = name(driver.feature), output_phrase(driver.output, unit)
    spread = f"between {effect(driver.lowest, unit)} and {effect(driver.highest, unit)}"
    if driver.direction == "none":
        return f"{feature} has no effect on {output} for these rows."
    if driver.direction == "constant":
        text = f"{feature} has the same value in all explained rows; its effect on {output} lies {spread}."
    elif driver.direction == "varied":
        text = (
            f"{feature} has too many different values for a typical effect each; its effect on {output} lies {spread}."
        )
    elif driver.direction == "categories":
        text = _categories(feature, output, driver.groups, unit)
    elif driver.direction == "mixed":
        text = _mixed(feature, output, driver.groups, unit)
    else:
        text = _direction(feature, output, driver, unit)
    return text + _missing(driver.missing, unit)


def _direction(feature: str, output: str, driver: Driver, unit: str) -> str:
    verb = "raises" if driver.direction == "up" else "lowers"
    first, last = driver.groups[0], driver.groups[-1]
    return (
        f"Higher {feature} {verb} {output}: on average {effect(first.effect, unit)} where it is {first.label}, "
        f"and {effect(last.effect, unit)} where it is {last.label}."
    )


def _mixed(feature: str, output: str, groups: tuple[Group, ...], unit: str) -> str:
    ordered = sorted(groups, key=lambda group: group.effect)
    low, high = ordered[0], ordered[-1]
    return (
        f"{feature} moves {output} in no single direction: on average {effect(high.effect, unit)} "
        f"where it is {high.label}, but {effect(low.effect, unit)} where it is {low.label}."
    )


def _categories(feature: str, output: str, groups: tuple[Group, ...], unit: str) -> str:
    low, high = groups[0], groups[-1]
    down, up = (f"({effect(group.effect, unit)} on average)" for group in (low, high))
    opening = f"Of the values of {feature}"
    if high.effect > 0 > low.effect:
        return f"{opening}, {high.label} raises {output} most {up} and {low.label} lowers it most {down}."
    if high.effect > 0:
        return f"{opening}, {high.label} raises {output} most {up} and {low.label} least {down}."
    return f"{opening}, {low.label} lowers {output} most {down} and {high.label} least {up}."


def _missing(group: Group | None, unit: str) -> str:
    if group is None:
        return ""
    return f" Where it is missing ({count(group.n_rows, 'row')}): {effect(group.effect, unit)} on average."
