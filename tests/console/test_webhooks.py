"""Webhooks: the secret that is visible once, a test event, deliveries that are sent again."""

from playwright.sync_api import expect

from console.browser import NARROW, open_console
from receiver import Receiver


def test_a_webhook_is_made_tested_and_its_delivery_sent_again(browser, console, server):
    with Receiver() as receiver:
        page = console.open("webhooks")
        page.keyboard.press("c")
        form = page.get_by_role("dialog")
        form.get_by_label("Name").fill("Hook <i>")
        form.get_by_label("URL").fill(receiver.url)
        form.get_by_label("*", exact=True).uncheck()
        form.get_by_label("response.completed").check()
        assert console.find_accessibility_problems() == []
        form.get_by_role("button", name="Create").click()
        secret = page.get_by_role("region", name="Signing secret")
        expect(secret).not_to_contain_text("whsec_" + "a" * 8)
        secret.get_by_role("button", name="Show").click()
        expect(secret.locator("code")).to_contain_text("whsec_")
        assert console.find_accessibility_problems() == []
        secret.get_by_role("button", name="I have it").click()
        expect(secret).to_have_count(0)
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_text("responded with status 200")).to_be_visible()
        assert receiver.next().json["type"] == "batch.completed"
        made = server.client.responses.create(model="rehearsal", input="Hi", background=True)
        first = receiver.next()
        assert first.json["data"]["id"] == made.id
        page.get_by_role("link", name="Deliveries").click()
        page.get_by_role("link", name="response.completed").first.click()
        expect(page.locator("dl.fields")).to_contain_text("delivered")
        page.get_by_role("button", name="Send again").click()
        assert receiver.next().headers["webhook-id"] == first.headers["webhook-id"]
        assert console.find_accessibility_problems() == []
        endpoint = next(one for one in server.client.webhooks.list() if one.name == "Hook <i>")
        with open_console(browser, server, NARROW, "dark") as small:
            small.open(f"webhooks/{endpoint.id}")
            expect(small.page.locator("h1")).to_contain_text("Hook <i>")
            assert not small.has_horizontal_scroll()
            assert small.find_accessibility_problems() == []
            server.client.webhooks.delete(endpoint.id)
