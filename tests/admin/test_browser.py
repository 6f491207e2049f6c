"""In a browser: the way of a person through the admin, by mouse and by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from example_project.catalog.models import Maintainer, Package
from tests.admin.browser import log_in, note_problems, running_browser

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture
def site(live_server: Any, transactional_db: None) -> str:
    """A site with 30 packages of two maintainers, and root to log in."""
    User.objects.create_superuser("root", password="secret")
    team = Maintainer.objects.create(name="Games Team", email="games@example.org")
    other = Maintainer.objects.create(name="Ada", email="ada@example.org")
    Package.objects.bulk_create(
        [
            Package(
                name=f"game-{number:02}" if number % 3 else f"editor-{number:02}",
                version="1.0",
                architecture="amd64",
                archive="test",
                section="games" if number % 3 else "editors",
                priority="optional",
                maintainer=team if number % 3 else other,
                tags=["role::program"] if number % 2 else ["role::plugin", "x11::game"],
                depends=["libc6"],
                installed_size=number * 10,
                size=number * 1000,
                description="a terminal emulator" if number == 7 else "something else",
            )
            for number in range(30)
        ]
    )
    one = Package.find_one(name="game-07")
    one.extra["Vcs-Browser"] = "https://example.org/vcs"
    one.save()
    return str(live_server.url)


@pytest.fixture
def problems() -> list[str]:
    """What the console of the page showed; the test fails if anything is left in it."""
    return []


@pytest.fixture
def page(browser: Browser, site: str, problems: list[str]) -> Iterator[Page]:
    """Logged in."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(10_000)
    page = context.new_page()
    note_problems(page, problems)
    log_in(page, site, "root", "secret")
    yield page
    context.close()
    assert problems == []


def expect_rows(page: Page, number: int, *names: str) -> None:
    """So many rows, of which these come first."""
    rows = page.locator("#result_list tbody th")
    expect(rows).to_have_count(number)
    for position, name in enumerate(names):
        expect(rows.nth(position)).to_have_text(name)


def test_the_way_of_a_person(page: Page, site: str):
    page.get_by_role("link", name="Packages", exact=True).first.click()
    expect_rows(page, 30)

    # Filter, then sort within the filter.
    page.locator("#changelist-filter").get_by_role("link", name="editors").click()
    expect_rows(page, 10)
    page.get_by_role("link", name="Installed size").click()
    expect_rows(page, 10, "editor-00")
    page.get_by_role("link", name="Clear all filters").click()

    # A range by the inputs.
    page.get_by_label("from").first.fill("250")
    page.get_by_label("from").first.press("Enter")
    expect_rows(page, 5)
    page.get_by_role("link", name="Clear all filters").click()

    # Search by words, from the full text.
    page.fill("#searchbar", "terminal emulator")
    page.press("#searchbar", "Enter")
    expect_rows(page, 1, "game-07")

    # Open it; a validation error; then save.
    page.get_by_role("link", name="game-07").click()
    expect(page.get_by_text("Other keys (1)")).to_be_visible()
    page.get_by_text("Other keys (1)").click()
    expect(page.get_by_text("https://example.org/vcs")).to_be_visible()
    page.fill("#id_installed_size", "")
    page.fill("#id_name", "")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".errornote")).to_be_visible()
    expect(page.locator(".field-name .errorlist")).to_have_text("This field is required.")
    page.fill("#id_name", "renamed")
    page.fill("#id_tags", "role::program\nnew::tag")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist .success")).to_contain_text("was changed successfully")
    package = Package.find_one(name="renamed")
    assert package.tags == ["role::program", "new::tag"]
    assert package.extra == {"Vcs-Browser": "https://example.org/vcs"}

    # Delete it, find it among the deleted, bring it back.
    page.goto(f"{site}/admin/catalog/package/{package.pk}/change/")
    page.get_by_role("link", name="Delete", exact=True).click()
    expect(page.get_by_text("can be brought back")).to_be_visible()
    page.get_by_role("button", name="Yes, I").click()
    expect(page.locator(".messagelist .success")).to_contain_text("was deleted successfully")
    page.get_by_role("link", name="Deleted", exact=True).click()
    expect_rows(page, 1, "renamed 1.0")
    page.get_by_label("Choose renamed 1.0").check()
    page.get_by_role("button", name="Undelete selected").click()
    expect(page.locator(".messagelist .success")).to_contain_text("was undeleted")
    assert Package.find_one(name="renamed").pk == package.pk


def test_undelete_from_the_page_of_the_object(page: Page, site: str):
    package = Package.find_one(name="game-01")
    package.delete()
    page.goto(f"{site}/admin/catalog/package/{package.pk}/change/")
    expect(page.get_by_text("This package is deleted.")).to_be_visible()
    page.get_by_role("button", name="Undelete").click()
    expect(page.locator("#id_name")).to_have_value("game-01")


def test_all_of_the_deleted_are_chosen_at_once(page: Page, site: str):
    Package.objects.filter(section="editors").delete()
    page.goto(f"{site}/admin/catalog/package/deleted/")
    expect_rows(page, 10)
    page.get_by_label("Choose all objects on this page").check()
    page.get_by_role("button", name="Undelete selected").click()
    expect(page.locator(".messagelist .success")).to_contain_text("10 packages were undeleted.")


def test_destroy_asks_first(page: Page, site: str):
    package = Package.find_one(name="game-01")
    package.delete()
    page.goto(f"{site}/admin/catalog/package/deleted/")
    page.get_by_label("Choose game-01 1.0").check()
    page.get_by_role("button", name="Destroy selected for good").click()
    expect(page.get_by_text("This cannot be undone")).to_be_visible()
    page.get_by_role("button", name="Yes, destroy for good").click()
    expect(page.get_by_text("There are no deleted packages.")).to_be_visible()
    assert not Package.sql.filter(pk=package.pk).exists()


def test_a_reference_is_found_by_typing(page: Page, site: str):
    package = Package.find_one(name="game-01")
    page.goto(f"{site}/admin/catalog/package/{package.pk}/change/")
    page.locator(".field-maintainer .select2-selection").click()
    page.locator(".select2-search__field").fill("ada")
    page.locator(".select2-results__option", has_text="Ada").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist .success")).to_be_visible()
    assert Package.objects.get(pk=package.pk).maintainer.name == "Ada"


def test_two_people_change_one_object(page: Page, site: str):
    package = Package.find_one(name="game-01")
    page.goto(f"{site}/admin/catalog/package/{package.pk}/change/")
    other = Package.objects.get(pk=package.pk)
    other.priority = "extra"
    other.save()
    page.fill("#id_priority", "required")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".errorlist.nonfield")).to_contain_text("Priority: extra")
    expect(page.locator("#id_priority")).to_have_value("required")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist .success")).to_be_visible()
    assert Package.objects.get(pk=package.pk).priority == "required"


def focused(page: Page) -> dict[str, Any]:
    """What has the focus: its tag, name, text, and whether a person can see that it has it."""
    result: dict[str, Any] = page.evaluate(
        """() => {
            const e = document.activeElement, style = getComputedStyle(e);
            const box = e.getBoundingClientRect();
            return {
                tag: e.tagName, name: e.name || '', text: e.innerText || '',
                label: e.labels && e.labels.length ? e.labels[0].innerText : '',
                aria: e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || '',
                visible: box.width > 0 && box.height > 0,
                outlined: style.outlineStyle !== 'none' || style.boxShadow !== 'none'
                    || style.borderColor !== '' ,
            };
        }"""
    )
    return result


def tab_to(page: Page, wanted: Any, most: int = 150) -> list[dict[str, Any]]:
    """Press Tab until ``wanted`` says yes; all that had the focus on the way."""
    way = []
    for _ in range(most):
        page.keyboard.press("Tab")
        way.append(focused(page))
        if wanted(way[-1]):
            return way
    raise AssertionError([(w["tag"], w["name"], w["text"][:30]) for w in way])


def test_the_list_by_keyboard_alone(page: Page, site: str):
    page.goto(f"{site}/admin/catalog/package/")
    assert focused(page)["tag"] == "BODY" or focused(page)["name"] == "q"
    page.evaluate("document.activeElement.blur()")
    tab_to(page, lambda at: at["name"] == "q")
    page.keyboard.type("terminal")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=terminal**")
    expect_rows(page, 1, "game-07")
    page.goto(f"{site}/admin/catalog/package/")
    # Behind the rows come the filters: each line a link, each input with a label.
    way = tab_to(page, lambda at: at["text"].startswith("editors"), most=400)
    assert all(at["visible"] for at in way)
    page.keyboard.press("Enter")
    page.wait_for_url("**section__exact=editors**")
    expect_rows(page, 10)
    page.evaluate("document.querySelector('#changelist-filter a').focus()")
    way = tab_to(page, lambda at: at["name"] == "installed_size__gte", most=200)
    assert way[-1]["label"] == "from"
    page.keyboard.type("200")
    page.keyboard.press("Enter")
    page.wait_for_url("**installed_size__gte=200**")
    assert "section__exact=editors" in page.url


def test_the_form_by_keyboard_alone(page: Page, site: str):
    package = Package.find_one(name="game-01")
    page.goto(f"{site}/admin/catalog/package/{package.pk}/change/")
    way = tab_to(page, lambda at: at["name"] == "_save", most=200)
    names = [at["name"] for at in way if at["tag"] in ("INPUT", "TEXTAREA", "SELECT")]
    wanted = ["name", "version", "architecture", "archive", "section", "priority", "tags",
              "depends", "installed_size", "size", "homepage", "description"]  # fmt: skip
    assert [name for name in names if name in wanted] == wanted
    inputs = [at for at in way if at["name"] in wanted]
    assert all(at["label"] for at in inputs)
    assert all(at["visible"] and at["outlined"] for at in inputs)
    page.locator("#id_priority").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("important")
    page.keyboard.press("Enter")
    page.wait_for_url("**/catalog/package/")
    assert Package.objects.get(pk=package.pk).priority == "important"


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_the_screen(browser: Browser, site: str, width: int, scheme: str):
    Package.find_one(name="game-02").delete()
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    problems: list[str] = []
    note_problems(page, problems)
    log_in(page, site, "root", "secret")
    pk = Package.find_one(name="game-01").pk
    for what in ("", f"{pk}/change/", "deleted/", f"{pk}/delete/", "?section__exact=games&q=else"):
        page.goto(f"{site}/admin/catalog/package/{what}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, what
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (background == "rgb(255, 255, 255)") == (scheme == "light"), what
    context.close()
    assert problems == []


def test_when_redis_is_away_there_is_a_page_and_no_trace(
    page: Page, site: str, redis_away: None, problems: list[str]
):
    package = Package.sql.first()
    page.goto(f"{site}/admin/catalog/package/")
    expect(page.get_by_role("alert")).to_contain_text("start Redis")
    # A browser notes the 503, and nothing else.
    assert len(problems) == 1
    assert "503" in problems.pop()
    page.get_by_label("Id of a package").fill(str(package.pk))
    page.get_by_role("button", name="Open").click()
    expect(page.locator("#id_name")).to_have_value(package.name)
