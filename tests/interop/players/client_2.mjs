// The TypeScript client @modelcontextprotocol/client 2.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { play } from "./playing.mjs";

await play(async (url, era) => {
  const mode = era === "legacy" ? "legacy" : "auto";
  const client = new Client({ name: "interop", version: "1" }, { versionNegotiation: { mode } });
  const transport = new StreamableHTTPClientTransport(url);
  await client.connect(transport);
  const end = async () => {
    if (transport.sessionId !== undefined) {
      await transport.terminateSession();
    }
    await client.close();
  };
  return { client, end };
});
