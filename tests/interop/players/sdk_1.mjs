// The TypeScript client in @modelcontextprotocol/sdk 1: legacy only.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { play } from "./playing.mjs";

await play(async (url) => {
  const client = new Client({ name: "interop", version: "1" });
  const transport = new StreamableHTTPClientTransport(url);
  await client.connect(transport);
  const end = async () => {
    await transport.terminateSession();
    await client.close();
  };
  return { client, end };
});
