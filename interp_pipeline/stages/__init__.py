"""Stages of explaining a version: fetch, compute, render, publish. The steps put them together."""
