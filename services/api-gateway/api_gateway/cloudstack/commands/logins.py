"""Login and logout of people."""

from pydantic import SecretStr

from api_gateway.cloudstack.answers import Answer, Bare
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.errors import Refused
from api_gateway.cloudstack.people import TYPES
from api_gateway.cloudstack.sessions import COOKIE, KEY, Login, Session, close_session, open_session


async def login(ask: Ask) -> Answer:
    """Open a session: later requests have its cookies, and its key as sessionkey."""
    said = Login(
        ask.text("username"),
        SecretStr(ask.text("password")),
        ask.text("domain"),
        ask.text("domainid"),
    )
    session = await _opened(said, ask)
    async with ask.desk.transaction() as tx:
        (user,) = await tx.rows("users_page", None, session.user_id, "", "", "", "", 0, 1)
    told = {
        "username": user["name"],
        "userid": user["id"],
        "domainid": user["domain_id"],
        "timeout": ask.deps.settings.session_seconds,
        "account": user["account_name"],
        "firstname": user["first_name"],
        "lastname": user["last_name"],
        "type": TYPES[user["role"]],
        "timezone": user["timezone"] or None,
        "registered": "false",
        "sessionkey": session.key,
        "is2faenabled": "false",
        "is2faverified": "true",
        "passwordchangerequired": False,
    }
    return Bare(told, {COOKIE: session.cookie, KEY: session.key})


async def _opened(said: Login, ask: Ask) -> Session:
    """An address that failed too often is told so before anything is computed for it."""
    refusals = ask.deps.limiter.refusals
    refusals.check(ask.call.remote)
    try:
        return await open_session(said, ask.desk, ask.deps)
    except Refused:
        refusals.take(ask.call.remote)
        raise


async def logout(ask: Ask) -> Answer:
    """End the session."""
    await close_session(ask.call, ask.desk)
    return Bare({"description": "success"}, {COOKIE: "", KEY: ""})


COMMANDS = (
    Command("login", login, missing="two-factor login, single sign-on", open=True),
    Command("logout", logout),
)
