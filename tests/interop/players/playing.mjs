// What the players in JavaScript share.
import { readFileSync } from "node:fs";

/**
 * Play the conversation that is on standard input, and print what was heard.
 *
 * @param {(url: URL, era: string) => Promise<{client: object, end: () => Promise<void>}>} connect opens a client
 */
export async function play(connect) {
  const task = JSON.parse(readFileSync(0, "utf8"));
  const open = new Map();
  const heard = [];
  let handle = "";
  for (const step of task.steps) {
    if (!open.has(step.client)) {
      open.set(step.client, await connect(new URL(task.url), task.era));
    }
    const { client } = open.get(step.client);
    if (step.tool === null) {
      heard.push((await client.listTools()).tools.map((tool) => tool.name));
      continue;
    }
    const given = Object.entries(step.arguments).map(([key, value]) => [key, value === "$handle" ? handle : value]);
    const result = await client.callTool({ name: step.tool, arguments: Object.fromEntries(given) });
    handle = result.structuredContent?.counter ?? handle;
    const texts = result.content.filter((block) => block.type === "text").map((block) => block.text);
    heard.push({ text: texts.join(""), error: result.isError === true });
  }
  for (const { end } of open.values()) {
    await end();
  }
  console.log(JSON.stringify(heard));
}
