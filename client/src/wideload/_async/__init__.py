"""`AsyncClient` and its HTTP connections, for asyncio. Needs the extra `wideload[async]`."""
