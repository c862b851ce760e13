"""Advice on schemas that compile, but that a careful team would not have."""
