"""The recipe of a platform's seed, `seed/seed.yml` in its checkout: read and checked.

The file itself explains its keys. A platform without one has no seed; one that has it offers the API that
:mod:`cloudlab.seeding.shop` speaks.
"""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cloudlab.model import catalogue, yamlfile
from cloudlab.model.problems import ProblemsError

FILE = "seed/seed.yml"
KINDS = ("tenants", "users", "products", "orders")  # what a size counts
TEXT, NUMBER = str, int
_WORDS: dict[type, str] = {str: "a text", list: "a list", dict: "a mapping"}
# Key -> what its value is.
PARTS: dict[str, type] = {
    "administrator": str, "sizes": dict, "tenants": list, "people": dict, "warehouses": dict, "cards": dict,
    "options": dict, "lines": list, "categories": dict,
}  # fmt: skip
# Key of a category with products -> what its value is.
CATEGORY_PARTS: dict[str, type] = {"code": str, "options": str, "brands": list, "things": dict, "features": list}
FEATURES = 3  # features that a description may name


class RecipeError(ProblemsError):
    """The recipe is missing or wrong; `problems` holds one message each."""


def read(platform: Path) -> dict[str, Any]:
    """The recipe of the platform in the folder `platform`. Raises RecipeError with everything that is wrong."""
    file = platform / FILE
    try:
        document = yamlfile.load(file)
    except FileNotFoundError:
        raise RecipeError(
            [f"this platform has no seed: {file} does not exist. files/platform/{FILE} is an example of one."]
        ) from None
    except (OSError, UnicodeDecodeError, yamlfile.ParseError) as error:
        raise RecipeError([f"{file}: {' '.join(str(error).split())}"]) from None
    if found := problems(document):
        raise RecipeError([f"{file}: {text}" for text in found])
    return document


def size_of(recipe: Mapping[str, Any], name: str) -> dict[str, int]:
    """The counts of a size. Raises RecipeError for one that the recipe does not know."""
    if found := catalogue.unknown([name], recipe["sizes"], "size"):
        raise RecipeError(found)
    return recipe["sizes"][name]


def problems(document: Any) -> list[str]:
    """Everything that is wrong with a recipe; a message each."""
    if not isinstance(document, Mapping):
        return [f"a mapping with {', '.join(PARTS)} is wanted."]
    if found := list(_parts("", document, PARTS)):
        return found
    found = [*_sizes(document["sizes"]), *_weights(document["cards"])]
    for name, entry in document["categories"].items():
        found += _category(name, entry, document)
    return found or _too_few(document)


def selling(recipe: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The categories that have products."""
    return {name: entry for name, entry in recipe["categories"].items() if "things" in entry}


def _parts(place: str, value: Mapping[str, Any], wanted: Mapping[str, type]) -> Iterable[str]:
    for key, kind in wanted.items():
        if not isinstance(value.get(key), kind) or not value[key]:
            yield f"{place}{key}: {_WORDS[kind]} is wanted, and not an empty one."


def _sizes(sizes: Mapping[str, Any]) -> Iterable[str]:
    smaller: Mapping[str, int] = dict.fromkeys(KINDS, 0)
    for name, counts in sizes.items():
        if not isinstance(counts, Mapping) or set(counts) != set(KINDS):
            yield f"sizes.{name}: the counts of {', '.join(KINDS)} are wanted."
            return
        for kind, count in counts.items():
            if not isinstance(count, int) or count < max(1, smaller[kind]):
                yield f"sizes.{name}.{kind}: {count!r} must be a number, and no less than in the size before it."
                return
        if counts["users"] < counts["tenants"]:
            yield f"sizes.{name}: {counts['tenants']} tenants need as many users, who own them."
        smaller = counts


def _weights(cards: Mapping[str, Any]) -> Iterable[str]:
    for token, weight in cards.items():
        if not isinstance(weight, int) or weight < 0:
            yield f"cards.{token}: {weight!r} is no weight; a number from 0 is wanted."


def _category(name: str, entry: Any, recipe: Mapping[str, Any]) -> Iterable[str]:
    place = f"categories.{name}"
    if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
        yield f"{place}: a mapping with at least a name is wanted."
        return
    earlier = list(recipe["categories"])[: list(recipe["categories"]).index(name)]
    if "parent" in entry and entry["parent"] not in earlier:
        yield f"{place}.parent: {entry['parent']} must stand before {name}."
    if "things" not in entry:
        return
    if found := list(_parts(f"{place}.", entry, CATEGORY_PARTS)):
        yield from found
        return
    for text in catalogue.unknown([entry["options"]], recipe["options"], "options"):
        yield f"{place}: {text}"
    if len(entry["features"]) < FEATURES:
        yield f"{place}.features: {FEATURES} are wanted at least."
    for thing, prices in entry["things"].items():
        if not _is_range(prices):
            yield f"{place}.things.{thing}: {prices!r} is no range of prices; [lowest, highest] in cents is wanted."


def _is_range(prices: Any) -> bool:
    return (
        isinstance(prices, list)
        and len(prices) == 2
        and all(isinstance(price, int) for price in prices)
        and 0 < prices[0] <= prices[1]
    )


def _too_few(recipe: Mapping[str, Any]) -> list[str]:
    """Whether there are names enough for the largest size: each is given once."""
    largest = list(recipe["sizes"].values())[-1]
    names = recipe["people"]
    found = []
    if any(not names.get(part) for part in ("first_names", "last_names")):
        return ["people: first_names and last_names are wanted."]
    if (people := len(names["first_names"]) * len(names["last_names"])) < largest["users"]:
        found.append(f"people: {people} names for {largest['users']} users.")
    if len(recipe["tenants"]) < largest["tenants"]:
        found.append(f"tenants: {len(recipe['tenants'])} names for {largest['tenants']} tenants.")
    categories = selling(recipe)
    wanted = math.ceil(largest["products"] / max(1, len(categories)))
    for name, entry in categories.items():
        if (products := len(entry["brands"]) * len(recipe["lines"]) * len(entry["things"])) < wanted:
            found.append(f"categories.{name}: brands, lines and things make {products} names for {wanted} products.")
    return found if categories else ["categories: none has things to sell."]
