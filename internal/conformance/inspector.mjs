// Lists, calls and reads with the command line of the MCP Inspector, in both eras of the
// protocol: node inspector.mjs /path/to/flow-mcp
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const launcher = 'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js';
const home = mkdtempSync(join(tmpdir(), 'flow-mcp-inspector-'));
const server = [process.argv[2], '--account', 'ana', '--data-dir', join(home, 'store'), '--log-level', 'error'];
let passed = 0;
let failed = 0;

for (const era of ['legacy', 'modern']) {
  const greeting = `Hello in the ${era} era.`;
  let channel;
  // Strict means that a schema which some host does not understand is an error.
  await step(era, ['tools/list', '--strict'], ({ tools }) => assert.ok(tools.length > 0));
  await step(era, ['resources/list'], ({ resources }) => {
    channel = resources.find((r) => r.name === 'Home/general')?.uri;
    assert.ok(channel, 'there is no channel general');
  });
  await step(era, ['resources/templates/list'], ({ resourceTemplates }) => assert.ok(resourceTemplates.length > 0));
  await step(era, ['prompts/list'], ({ prompts }) => assert.ok(prompts.length > 0));
  const message = JSON.stringify({ channel: 'general', text: greeting });
  await step(era, ['tools/call', '--tool-name', 'flow_send_message', '--tool-args-json', message],
    (result) => assert.ok(result.structuredContent));
  await step(era, ['resources/read', '--uri', channel],
    ({ contents }) => assert.ok(contents[0].text.includes(greeting), 'the message is not there'));
}
rmSync(home, { recursive: true, force: true, maxRetries: 30 }); // the last backend may still be ending
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** Runs one method and holds its result against what is expected. */
async function step(era, method, expect) {
  const options = ['--cli', '--protocol-era', era, '--quiet', '--format', 'json', '--method', ...method];
  const name = `${era}: ${method[0]}`;
  try {
    const env = { ...process.env, HOME: home };
    const run = promisify(execFile)(process.execPath, [launcher, ...options, ...server], { env, timeout: 180_000 });
    expect(JSON.parse((await run).stdout).result);
    passed++;
    console.log(`ok      ${name}`);
  } catch (err) {
    failed++;
    console.log(`FAILED  ${name}\n        ${err}`);
  }
}
