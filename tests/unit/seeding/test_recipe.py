"""The recipe of a seed: what is wrong is said once, with its place."""

import pytest
import yaml

from cloudlab.model import settings
from cloudlab.seeding import recipe as recipes


def changed(recipe, path, value):
    place = recipe
    *folders, last = path.split("/")
    for folder in folders:
        place = place[folder]
    place[last] = value
    return recipe


def test_the_reference_platforms_recipe_is_in_order():
    recipe = recipes.read(settings.ROOT / "files" / "platform")
    assert list(recipe["sizes"]) == ["small", "medium", "large"]


def test_a_recipe_in_order(recipe):
    assert recipes.problems(recipe) == []


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("lines", [], "lines: a list is wanted, and not an empty one"),
        ("sizes/small", {"users": 1}, "sizes.small: the counts of tenants, users, products, orders"),
        ("sizes/large/orders", 3, "sizes.large.orders: 3 must be a number, and no less than in the size before it"),
        ("sizes/small/orders", "9", "sizes.small.orders: '9' must be a number"),
        ("sizes/small/tenants", 5, "sizes.large.tenants: 2 must be a number, and no less"),
        ("sizes/large/users", 1000, "people: 12 names for 1000 users"),
        ("sizes/large/products", 500, "categories.lamps: brands, lines and things make 12 names for 250 products"),
        ("tenants", ["north"], "tenants: 1 names for 2 tenants"),
        ("people", {"first_names": ["Ada"]}, "people: first_names and last_names are wanted"),
        ("cards/tok_visa", "often", "cards.tok_visa: 'often' is no weight"),
        ("categories/lamps/options", "colour", "categories.lamps: unknown options colour. Did you mean colours?"),
        ("categories/lamps/parent", "mugs", "categories.lamps.parent: mugs must stand before lamps"),
        ("categories/lamps/things", {"Lamp": [9, 1]}, "categories.lamps.things.Lamp: \\[9, 1\\] is no range"),
        ("categories/lamps/features", ["a shade"], "categories.lamps.features: 3 are wanted at least"),
        ("categories/lamps", "Lamps", "categories.lamps: a mapping with at least a name is wanted"),
        ("categories", {"home": {"name": "Home"}}, "categories: none has things to sell"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(recipe, tmp_path, path, value, message):
    (tmp_path / "seed").mkdir()
    (tmp_path / recipes.FILE).write_text(yaml.safe_dump(changed(recipe, path, value), sort_keys=False))
    with pytest.raises(recipes.RecipeError, match=message) as caught:
        recipes.read(tmp_path)
    assert all(problem.startswith(str(tmp_path)) for problem in caught.value.problems)


def test_a_platform_without_a_recipe_has_no_seed(tmp_path):
    with pytest.raises(recipes.RecipeError, match=r"this platform has no seed: .*seed\.yml does not exist"):
        recipes.read(tmp_path)


def test_a_file_that_is_no_yaml(tmp_path):
    (tmp_path / "seed").mkdir()
    (tmp_path / recipes.FILE).write_text("a: [")
    with pytest.raises(recipes.RecipeError, match=r"seed.yml: while parsing"):
        recipes.read(tmp_path)


def test_an_unknown_size_is_named_with_the_nearest(recipe):
    with pytest.raises(recipes.RecipeError, match=r"unknown size smal\. Did you mean small\?"):
        recipes.size_of(recipe, "smal")
