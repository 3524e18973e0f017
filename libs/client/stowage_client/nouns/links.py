"""Download links."""

from stowage_client.answers import LinkUrl, LinkView
from stowage_client.nouns.collection import Collection
from stowage_client.session import Ask


class Links(Collection[LinkView]):
    """Download links; their URLs are kept nowhere, they are made when asked for."""

    async def url(self, id: str) -> LinkUrl:
        """The link itself, made now."""
        return await self._ask(LinkUrl, Ask("GET", f"{self._path}/{id}"))

    async def revoke(self, id: str) -> LinkView:
        """Give no more access by it; a presigned URL that was handed out lives to its end."""
        return await self._do("DELETE", id)
