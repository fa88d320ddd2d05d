"""What drives the model, feature by feature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.report.wording import count, effect, listed, minus, name, output_phrase, percent, quoted

if TYPE_CHECKING:
    from interp_pipeline.plots.value_groups import Group
    from interp_pipeline.report.drivers import Driver

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
    if driver.direction == "none":
        return f"{feature} has no effect on {output} for these rows."
    return _told(driver, feature, output, unit) + _missing(driver.missing, unit)


def _told(driver: Driver, feature: str, output: str, unit: str) -> str:
    spread = f"between {effect(driver.lowest, unit)} and {effect(driver.highest, unit)}"
    if driver.direction == "constant":
        return f"{feature} has the same value in all explained rows; its effect on {output} lies {spread}."
    if driver.direction == "varied":
        return f"{feature} has too few rows per value for a typical effect; its effect on {output} lies {spread}."
    if driver.direction == "alike":
        return (
            f"The effect of {feature} on {output} lies {spread}; which value it has makes no difference to its average "
            "effect beyond chance."
        )
    if driver.direction == "categories":
        return _categories(feature, output, driver, unit)
    if driver.direction in {"up", "down"}:
        return _direction(feature, output, driver, unit)
    return _extremes(feature, output, driver, unit)


def _direction(feature: str, output: str, driver: Driver, unit: str) -> str:
    verb = "raises" if driver.direction == "up" else "lowers"
    more = f"A later {feature}" if driver.is_date else f"Higher {feature}"
    first, last = driver.groups[0], driver.groups[-1]
    return f"{more} {verb} {output}: on average {_where(first, unit)}, and {_where(last, unit)}."


def _extremes(feature: str, output: str, driver: Driver, unit: str) -> str:
    """Which values push most, where no direction is certain."""
    first, last = driver.groups[0], driver.groups[-1]
    low, high = (extreme(driver.groups, key=lambda group: group.effect) for extreme in (min, max))
    if driver.direction in {"valley", "peak"}:
        word, inner = ("lowest", low) if driver.direction == "valley" else ("highest", high)
        return (
            f"The effect of {feature} on {output} is {word} for its middle values: on average {_where(inner, unit)}, "
            f"but {_where(first, unit)}, and {_where(last, unit)}."
        )
    if driver.direction == "zigzag":
        return (
            f"{feature} moves {output} in no single direction: on average {_where(high, unit)}, "
            f"but {_where(low, unit)}."
        )
    return (
        f"The effect of {feature} on {output} is highest, {effect(high.effect, unit)} on average, where it is "
        f"{_label(high)}, and lowest, {effect(low.effect, unit)}, where it is {_label(low)}."
    )


def _where(group: Group, unit: str) -> str:
    return f"{effect(group.effect, unit)} where it is {_label(group)}"


def _label(group: Group) -> str:
    """A range of values as it stands in a sentence."""
    return " to ".join(minus(end) for end in group.label.split(" to "))


def _categories(feature: str, output: str, driver: Driver, unit: str) -> str:
    low, high = driver.groups[0], driver.groups[-1]
    lowest, highest = quoted(low.label), quoted(high.label)
    down, up = (f"({effect(group.effect, unit)} on average)" for group in (low, high))
    left_out = f" ({driver.rare:,} rare {'one' if driver.rare == 1 else 'ones'} left out)" if driver.rare else ""
    opening = f"Of the values of {feature}{left_out}"
    if high.effect > 0 > low.effect:
        return f"{opening}, {highest} raises {output} most {up} and {lowest} lowers it most {down}."
    if high.effect > 0:
        return f"{opening}, {highest} raises {output} most {up} and {lowest} least {down}."
    return f"{opening}, {lowest} lowers {output} most {down} and {highest} least {up}."


def _missing(group: Group | None, unit: str) -> str:
    if group is None:
        return ""
    return f" Where it is missing ({count(group.n_rows, 'row')}): {effect(group.effect, unit)} on average."
