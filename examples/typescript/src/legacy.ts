// A client of the handshake era (up to 2025-11-25), on @modelcontextprotocol/sdk 1.x.
//
// Ana and Ben are two hosts on one machine, each with a server of its own. Ben subscribes to a
// channel, Ana writes to it, and Ben is told.
//
//   npm run legacy -- /path/to/flow-mcp
import assert from 'node:assert/strict';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ElicitRequestSchema, ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { end, Person, server, step, structured, text, Updates } from './support.js';

const greeting = 'Hello Ben, the launch is on Friday.';
const complaints: Error[] = [];
const person = new Person();

async function connect(account: string) {
  const capabilities = { elicitation: {} }; // there is a person who can be asked
  const client = new Client({ name: 'legacy-example', version: '1.0.0' }, { capabilities });
  client.onerror = (err) => complaints.push(err);
  client.setRequestHandler(ElicitRequestSchema, (asked) => person.answer(asked.params));
  await client.connect(new StdioClientTransport(server(account)));
  return client;
}

const ana = await connect('ana');
const ben = await connect('ben');
const updates = new Updates();
ben.setNotificationHandler(ResourceUpdatedNotificationSchema, (n) => updates.add(n.params.uri));

await step('lists tools, all with a title and an output schema', async () => {
  const { tools } = await ben.listTools(); // from now on the client validates results
  assert.ok(tools.length > 0);
  for (const tool of tools) {
    assert.ok(tool.title ?? tool.annotations?.title, `${tool.name} has no title`);
    assert.equal(tool.outputSchema?.type, 'object', `${tool.name} has no output schema`);
  }
  await ana.listTools();
});

let channel = '';
await step('lists resources, the channel general among them', async () => {
  const { resources } = await ben.listResources();
  const general = resources.find((r) => r.name === 'Home/general');
  assert.ok(general, `there are only ${resources.map((r) => r.name)}`);
  channel = general.uri;
});

await step('lists resource templates', async () => {
  const { resourceTemplates } = await ben.listResourceTemplates();
  assert.ok(resourceTemplates.some((t) => t.uriTemplate === 'flow://channels/{channelId}'));
});

await step('completes the name of a channel', async () => {
  const { completion } = await ben.complete({
    ref: { type: 'ref/resource', uri: 'flow://channels/{channelId}' },
    argument: { name: 'channelId', value: 'gen' },
  });
  assert.ok(completion.values.some((value) => value.endsWith('general')), `${completion.values}`);
});

if (ben.getServerCapabilities()?.prompts) {
  await step('lists prompts', async () => {
    const { prompts } = await ben.listPrompts();
    assert.ok(prompts.length > 0);
  });
}

await step('calls a tool', async () => {
  const status = structured<{ account: string }>(await ben.callTool({ name: 'flow_status' }));
  assert.equal(status.account, '@ben');
});

await step('is told what is wrong with an argument', async () => {
  const result = await ben.callTool({ name: 'flow_wait_for_messages', arguments: { timeout: 1 } });
  assert.ok(result.isError);
  assert.match(text(result), /timeout/);
});

let cursor = 0;
await step('takes a cursor to wait from', async () => {
  const now = { timeout_seconds: 0 };
  const waited = await ben.callTool({ name: 'flow_wait_for_messages', arguments: now });
  cursor = structured<{ cursor: number }>(waited).cursor;
});

await step('is told of a message that somebody else sent', async () => {
  await ben.subscribeResource({ uri: channel });
  const message = { channel: 'general', text: greeting };
  structured(await ana.callTool({ name: 'flow_send_message', arguments: message }));
  await updates.of(channel);
  const { contents } = await ben.readResource({ uri: channel });
  assert.ok(JSON.stringify(contents).includes(greeting), 'the channel does not show the message');
});

await step('waits for the same message from the cursor', async () => {
  const from = { after: cursor, timeout_seconds: 10 };
  const waited = await ben.callTool({ name: 'flow_wait_for_messages', arguments: from });
  const { messages } = structured<{ messages: { text: string }[] }>(waited);
  assert.deepEqual(messages.map((m) => m.text), [greeting]);
});

await step('asks the person before something is deleted', async () => {
  const message = { channel: 'general', text: 'a slip' };
  const sent = structured<{ message_id: string }>(await ana.callTool({ name: 'flow_send_message', arguments: message }));
  const slip = { channel: 'general', messages: [sent.message_id] };
  const deletes = () => ana.callTool({ name: 'flow_mark_messages_deleted', arguments: slip });
  person.says = 'decline';
  const refused = await deletes();
  assert.ok(refused.isError);
  assert.match(text(refused), /Nothing was done/);
  person.says = 'accept';
  structured(await deletes());
  assert.equal(person.asked.length, 2);
  assert.match(person.asked[0] ?? '', /general/);
});

await step('watches how far a call is', async () => {
  const seen: { progress: number; total?: number }[] = [];
  const options = { onprogress: (at: { progress: number; total?: number }) => void seen.push(at) };
  const brief = { timeout_seconds: 5 };
  await ben.callTool({ name: 'flow_wait_for_messages', arguments: brief }, undefined, options);
  assert.ok(seen.length > 0, 'no progress was told');
  assert.ok(seen.every((at) => at.progress > 0 && at.total === 5), JSON.stringify(seen));
});

await step('cancels a wait, and the server goes on', async () => {
  const patience = new AbortController();
  const options = { signal: patience.signal };
  const long = { timeout_seconds: 110 };
  const wait = ben.callTool({ name: 'flow_wait_for_messages', arguments: long }, undefined, options);
  const refused = assert.rejects(wait, /changed my mind/);
  await ben.callTool({ name: 'flow_status' }); // the wait, which was sent before, is under way
  patience.abort('changed my mind');
  await refused;
  await ben.callTool({ name: 'flow_status' });
});

await step('leaves, and the servers end', async () => {
  await ben.unsubscribeResource({ uri: channel });
  await Promise.all([ana.close(), ben.close()]);
  assert.deepEqual(complaints, []);
});

end();
