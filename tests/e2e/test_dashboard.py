"""The dashboard, seen in a browser with a gateway and traffic behind it. What the buttons of a release do
is in test_dashboard_release.py."""

import json
import signal
import socket

import pytest

import canaries
import wire
from browser import Browser
from mock import Mock
from sluice import Sluice, openai_provider, target

PAGE_BYTES_MAX = 100_000
HOSTILE = "<img/src=x/onerror=alert(1)>"
LONG = "somebody/" + 4 * "thought_that_a_name_may_go_on_" + ":free"
LIVE = "document.getElementById('link').dataset.state === 'live' && status"
ATTEMPTS = """document.querySelector('[data-model=m] [data-is="failures"]').innerText"""
STOPS = "summary, button, input, [tabindex]"

# What is wrong with the looks of the page: text with too little contrast to what it stands on.
CONTRAST = """(() => {
  const parts = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = node => {
    for (; node; node = node.parentElement) {
      const color = parts(getComputedStyle(node).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const node of document.querySelectorAll("body *")) {
    const said = [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim());
    if (!said || node.closest("script, style") || !node.checkVisibility()) continue;
    const [a, b] = [light(parts(getComputedStyle(node).color)), light(ground(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${node.outerHTML.slice(0, 80)}: ${ratio.toFixed(2)}`);
  }
  return poor;
})()"""

# What a reader of screens would not know how to call, or where it is.
NAMELESS = """[...document.querySelectorAll("button, input, summary, dialog, [role=img], section, details")]
  .filter(node => !(node.innerText || "").trim() || ["INPUT", "DIALOG", "SECTION"].includes(node.nodeName))
  .filter(node => !node.labels?.length && !node.getAttribute("aria-label")
    && !document.getElementById(node.getAttribute("aria-labelledby")))
  .map(node => node.outerHTML.slice(0, 100))"""
DOUBLE_IDS = """[...document.querySelectorAll("[id]")].map(node => node.id)
  .filter((id, i, all) => all.indexOf(id) !== i)"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def browser():
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def two():
    """Two fake providers."""
    with Mock(tokens=5) as one, Mock(tokens=5) as other:
        yield one, other


def gateway_of(two, **settings):
    return Sluice(**{
        "providers": {"one": openai_provider(two[0]), "two": openai_provider(two[1])},
        "models": {
            "m": {"targets": [target("one", "a"), target("two", "b")]},
            HOSTILE: {"targets": [target("one", "a")]},
            LONG: {"targets": [target("one", LONG)]},
        },
        "admin": {"keys": [canaries.ADMIN_KEY]},
        "circuit_breaker": {"failure_threshold": 2, "timeout_seconds": 600},
        "retry": {"max_attempts": 1},
        **settings})


@pytest.fixture(scope="module")
def gateway(two):
    with gateway_of(two) as gateway:
        yield gateway


def unlock(page, key=canaries.ADMIN_KEY):
    page.wait("document.activeElement.id === 'secret'", "question for the key")
    page.type(key)
    page.press("Enter")


def opened(browser, gateway, **look):
    """The dashboard, with its key."""
    page = browser.page(gateway.url + "/dashboard", **look)
    unlock(page)
    page.wait(LIVE, "figures")
    return page


def next_second(page):
    """Waits until the page has shown something newer."""
    before = page.value("shown")
    page.wait(f"shown > {before}", "further second")


def chat(gateway, model="m", count=1):
    return [wire.ask(gateway, wire.chat_request(model)).status for _ in range(count)]


def assert_clean(page):
    """Not a word in the console, and nothing from elsewhere."""
    assert page.complaints == []
    assert page.value("performance.getEntriesByType('resource').map(entry => entry.name)"
                      ".filter(name => !name.startsWith(location.origin))") == []
    home = page.value("location.origin")
    assert [url for url in page.requests if not url.startswith((home + "/", "data:,"))] == []


# ---- the key ----


def test_the_key_is_asked_for_once(browser, gateway):
    with opened(browser, gateway) as page:
        page.open(gateway.url + "/dashboard")
        page.wait(LIVE, "figures without a question")
        assert page.value("document.getElementById('key').hidden")
        page.click("#lock")
        page.wait("document.activeElement.id === 'secret'", "question again")
        page.open(gateway.url + "/dashboard")
        page.wait("document.activeElement.id === 'secret'", "question still")
        unlock(page)
        page.wait(LIVE, "figures again")
        assert_clean(page)


@pytest.mark.parametrize("key", ["sk-not-the-one", "k\u00f6nig", "two words"])
def test_a_wrong_key_is_refused_in_words(browser, gateway, key):
    with browser.page(gateway.url + "/dashboard") as page:
        unlock(page, key)
        said = page.wait("document.getElementById('refused').innerText", "refusal")
        assert "key" in said and key not in said
        assert page.value("document.getElementById('main').hidden")
        assert page.value("sessionStorage.length") == 0
        unlock(page)
        page.wait(LIVE, "figures")


def test_without_an_admin_key_it_says_what_is_missing(browser, two):
    with gateway_of(two, admin={}) as gateway, browser.page(gateway.url + "/dashboard") as page:
        unlock(page)
        said = page.wait("document.getElementById('refused').innerText", "refusal")
        assert "admin.keys" in said


def test_page_and_stream_are_one_origin_on_a_listener_of_their_own(browser, two):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    admin = {"listen": f"127.0.0.1:{port}", "keys": [canaries.ADMIN_KEY]}
    with gateway_of(two, admin=admin) as gateway:
        assert wire.ask(gateway, wire.get("/dashboard")).status == 404
        with browser.page(f"http://127.0.0.1:{port}/dashboard") as page:
            unlock(page)
            page.wait(LIVE, "figures")
            assert_clean(page)


# ---- what it shows ----


def test_it_is_small_and_says_what_it_may_do(gateway):
    reply = wire.ask(gateway, wire.get("/dashboard"))
    policy = reply["content-security-policy"]
    assert reply.status == 200 and len(reply.body) < PAGE_BYTES_MAX
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert b"http://" not in reply.body.replace(b"http://www.w3.org/2000/svg", b"")
    assert b"https://" not in reply.body and b" style=" not in reply.body


def test_figures_move_with_the_traffic(browser, gateway):
    with opened(browser, gateway) as page:
        before = int(page.value(ATTEMPTS).split(" of ")[1])
        assert set(chat(gateway, count=40)) == {200}
        page.wait("[...document.querySelectorAll('[data-model=m] [data-is=\"failures\"]')]"
                  f".some(node => Number(node.innerText.split(' of ')[1]) > {before})",
                  "attempts", seconds=2)
        assert "targets in use" in page.text("#totals")
        assert_clean(page)


def test_an_open_breaker_and_its_event_are_seen_within_two_seconds(browser, two):
    with gateway_of(two) as gateway, opened(browser, gateway) as page:
        assert page.wait("document.getElementById('quiet').checkVisibility()", "empty list")
        two[0].set(fault="503", fault_count=2)
        assert chat(gateway, HOSTILE, 2) == [503, 503]
        page.wait("[...document.querySelectorAll('[data-is=breaker]')]"
                  ".some(node => node.innerText.includes('open'))", "open breaker", seconds=2)
        page.wait("document.getElementById('events').innerText.includes('closed → open')",
                  "event", seconds=2)
        assert "1 of 1 targets out" in page.text("#models")
        assert not page.value("document.getElementById('quiet').checkVisibility()")
        assert_clean(page)


def test_what_strangers_wrote_is_text(browser, two):
    with gateway_of(two) as gateway, opened(browser, gateway) as page:
        gateway.write_text(f"{HOSTILE}: 1\n")
        reload = wire.post("/admin/reload", b"", key=canaries.ADMIN_KEY)
        assert wire.ask(gateway, reload).status == 422
        page.wait(f"document.getElementById('events').innerText.includes({json.dumps(HOSTILE)})",
                  "event with markup")
        names = page.value("[...document.querySelectorAll('h2')].map(node => node.innerText)")
        assert HOSTILE in names
        assert page.value("document.querySelectorAll('img').length") == 0
        assert_clean(page)


def test_fifty_models_are_closed_until_asked_for(browser, two):
    models = {f"model-{n}": {"targets": [target("one", "a")]} for n in range(50)}
    opens = "document.querySelectorAll('details[open]').length"
    with gateway_of(two, models=models) as gateway, opened(browser, gateway) as page:
        assert page.value("document.querySelectorAll('details').length") == 50
        assert page.value(opens) == 0
        page.value("document.getElementById('filter').focus()")
        page.type("model-4")
        page.wait("document.querySelectorAll('details').length === 11", "filtered list")
        assert page.text("#found") == "11 of 50"
        page.click("[data-model=model-41] summary")
        page.wait("document.querySelector('[data-model=model-41] table')", "open panel")
        next_second(page)
        assert page.value(opens) == 1
        page.value("document.getElementById('filter').focus()")
        page.type("x")
        page.wait("document.getElementById('models').innerText.startsWith('No model')", "word")
        assert_clean(page)


def test_a_flood_of_events_keeps_the_newest(browser, two):
    with gateway_of(two) as gateway, opened(browser, gateway) as page:
        keys = [canaries.provider_key() for _ in range(2)]
        for n in range(230):
            assert gateway.put_keys("two", keys[n % 2:][:1]).status == 200
        last = json.loads(gateway.get("/admin/events", key=canaries.ADMIN_KEY))["last"]
        page.wait(f"[...told].at(-1)?.startsWith('{last} ')", "newest event")
        assert page.value("document.getElementById('events').children.length") == 200
        two[1].reset()


# ---- time goes on ----


def test_a_second_later_nothing_that_the_reader_holds_is_lost(browser, gateway):
    with opened(browser, gateway, width=400) as page:
        page.value("""(() => {
            const panel = document.querySelector("[data-model=m]");
            panel.querySelector("summary").focus();
            getSelection().selectAllChildren(panel.querySelector(".targets th[scope=row]"));
            window.held = [...panel.querySelectorAll("*")];
            document.getElementById("events").tabIndex = 0;
        })()""")
        page.value("document.querySelectorAll('details')[1].open = false")
        chat(gateway, count=3)
        next_second(page)
        next_second(page)
        assert page.value("document.activeElement.innerText").startswith("m")
        assert page.value("String(getSelection())") == "m:one"
        assert page.value("held.every(node => node.isConnected)")
        assert not page.value("document.querySelectorAll('details')[1].open")
        assert_clean(page)


def test_it_comes_back_when_the_gateway_does(browser, two):
    with gateway_of(two) as gateway, opened(browser, gateway) as page:
        gateway.reload(default_model="m")
        page.wait("document.querySelectorAll('#events li').length === 1", "event")
        gateway.kill()
        page.wait("document.getElementById('link').innerText.startsWith('reconnecting, figures of')",
                  "word about it")
        assert "m:one" in page.text("#models")
        gateway.settings["listen"] = f"127.0.0.1:{gateway.port}"
        gateway.write(**gateway.settings)
        gateway.start()
        page.wait(LIVE, "figures again")
        gateway.reload(default_model=LONG)
        page.wait("document.querySelectorAll('#events li').length === 2", "event of both processes")
        assert all("ERR_" in said for said in page.complaints)  # Chromium's own, while it was away


def test_a_gateway_that_says_nothing_is_not_called_live(browser, two):
    with gateway_of(two) as gateway, opened(browser, gateway) as page:
        gateway.signal(signal.SIGSTOP)
        try:
            page.wait("document.getElementById('link').innerText.startsWith('nothing heard since')",
                      "word about it")
        finally:
            gateway.signal(signal.SIGCONT)
        page.wait(LIVE, "figures again")
        assert_clean(page)


# ---- for everybody ----


def reached(page):
    """What Tab reaches, one after the other, until it is out of the page or round again."""
    seen = []
    page.value("document.activeElement.blur()")
    for _ in range(60):
        page.press("Tab")
        at = page.value(f"[...document.querySelectorAll('{STOPS}')].indexOf(document.activeElement)")
        if at in seen:
            break
        seen.append(at)
    return [at for at in seen if at >= 0]


@pytest.mark.parametrize("width", [1280, 400])
def test_the_keyboard_reaches_everything(browser, gateway, width):
    with opened(browser, gateway, width=width) as page:
        next_second(page)
        wanted = page.value(f"[...document.querySelectorAll('{STOPS}')].map((node, i) => [node, i])"
                            ".filter(([node]) => node.checkVisibility()).map(([, i]) => i)")
        assert sorted(reached(page)) == wanted and len(wanted) >= 4
        page.value("document.querySelector('[data-model=m] summary').focus()")
        for key, is_open in (("Enter", False), ("Space", True)):
            page.press(key)
            page.wait(f"document.querySelector('[data-model=m]').open === {json.dumps(is_open)}",
                      f"panel after {key}")
        page.press("Tab", shift=True)
        assert page.value("document.activeElement.id") == "lock"
        assert page.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        assert_clean(page)


def test_the_question_before_a_change_is_answered_by_keyboard(browser, gateway):
    asked = """(() => { window.answer = undefined;
        confirmed({ question: "Split m", detail: "How much?", %s }).then(share => { answer = share; });
    })()"""
    with opened(browser, gateway) as page:
        page.value(asked % "green: 5")
        assert page.value("document.activeElement.id") == "green"
        page.press("ArrowRight")
        assert page.text("#share").split() == ["green", "6", "%"]
        page.press("Escape")
        page.wait("answer === null", "no")
        page.value(asked % "green: 5")
        page.press("End")
        page.press("Tab")
        page.press("Space")
        page.wait("answer === 100", "yes")
        page.value(asked % "danger: true")
        assert page.value("document.activeElement.id") == "no"
        page.press("Enter")
        page.wait("answer === null", "no to a repeated Enter")
        assert_clean(page)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_it_can_be_read(browser, two, width, dark):
    with gateway_of(two) as gateway:
        with browser.page(gateway.url + "/dashboard", width=width, dark=dark) as page:
            page.wait("document.activeElement.id === 'secret'", "question for the key")
            assert page.value(CONTRAST) == [] and page.value(OVERFLOW) == 0
            assert page.value(NAMELESS) == []
            unlock(page)
            page.wait(LIVE, "figures")
            two[0].set(fault="503", fault_count=2)
            chat(gateway, LONG, 2)
            page.wait("document.getElementById('events').innerText.includes('closed → open')", "event")
            assert page.value(CONTRAST) == [] and page.value(OVERFLOW) == 0
            assert page.value(NAMELESS) == [] and page.value(DOUBLE_IDS) == []
            page.value("void confirmed({ question: 'Roll m back?', detail: 'Blue.', danger: true })")
            assert page.value(CONTRAST) == [] and page.value(OVERFLOW) == 0
            assert_clean(page)


def test_nothing_moves_for_those_who_want_that(browser, gateway):
    moves = ("[...document.querySelectorAll('*')].filter(node => parseFloat(getComputedStyle(node)"
             ".transitionDuration) > 0 || getComputedStyle(node).animationName !== 'none').length")
    with opened(browser, gateway, calm=True) as page:
        page.value("document.getElementById('models').append(splitOf({ split: { blue: 9, green: 91 } }))")
        assert page.value(moves) == 0
        page.look(1280, calm=False)
        assert page.value(moves) == 2
