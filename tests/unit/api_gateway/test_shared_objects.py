"""What is public or shared is seen over REST as over CloudStack's API, and stays its owner's."""

from tests.unit.api_gateway.api import Api
from tests.unit.api_gateway.cloudstack.client import CloudStack
from tests.unit.api_gateway.cloudstack.images import Bench, cloud, owner_says


async def test_others_templates_are_listed_and_shown_when_let_in(api: Api, bench: Bench) -> None:
    await cloud(bench)
    made = (await api.post("/v1/accounts", {"name": "tenant"})).body
    mine = api.as_account(made["api_key"])
    cs = CloudStack(api.session, api.key, "the-admin-secret")
    for key in ("own", "public", "shared", "hidden"):
        await owner_says(bench, key, account_id=made["account_id"] if key == "own" else "admin")
    await cs.call("updateTemplatePermissions", id="public", ispublic=True)
    await cs.call("updateTemplatePermissions", id="shared", op="add", accounts="tenant")

    pages, cursor = list[str](), ""
    for _ in range(3):
        page = (await mine.get(f"/v1/templates?limit=1{cursor}")).body
        pages += [item["id"] for item in page["items"]]
        cursor = f"&cursor={page['next']}"
    assert pages == ["shared", "public", "own"]
    assert page["next"] is None
    named = (await mine.get("/v1/templates?name=debian")).body["items"]
    assert [item["id"] for item in named] == ["shared", "public", "own"]
    own = (await mine.get(f"/v1/templates?account_id={made['account_id']}")).body["items"]
    assert [item["id"] for item in own] == ["own"]
    for key, status in [("public", 200), ("shared", 200), ("hidden", 404)]:
        assert (await mine.get(f"/v1/templates/{key}")).status == status, key
        assert (await mine.delete(f"/v1/templates/{key}")).status == 404, key
        changed = await mine.call("PATCH", f"/v1/templates/{key}", {"tags": []})
        assert changed.status == 404, key
