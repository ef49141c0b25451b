// Runs the official conformance suite, of both eras of the protocol, against the conformance
// server: node suite.mjs /path/to/conformance
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const runs = [
  {
    name: 'conformance 0.1.16, protocol 2025-11-25',
    args: ['node_modules/conformance-legacy/dist/index.js', 'server', '--suite', 'all'],
  },
  {
    name: 'conformance 0.2.0-alpha.12, protocol 2026-07-28',
    args: [
      'node_modules/@modelcontextprotocol/conformance/dist/index.js',
      ...['server', '--suite', 'all', '--spec-version', '2026-07-28'],
      ...['--expected-failures', 'known-failures.yaml'],
    ],
  },
];

setTimeout(() => {
  console.error('the suite does not come to an end');
  process.exit(1);
}, 900_000).unref();

const server = spawn(process.argv[2], { stdio: ['pipe', 'pipe', 'inherit'] });
const [url] = await once(createInterface(server.stdout), 'line');
for (const { name, args } of runs) {
  console.log(`\n-- ${name}`);
  const suite = spawn(process.execPath, [...args, '--url', url], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = Promise.all([text(suite.stdout), text(suite.stderr)]);
  const [code] = await once(suite, 'exit');
  const [out, err] = await said;
  // Of what went well the summary is enough.
  const summary = out.slice(out.indexOf('=== SUMMARY ==='));
  console.log(code === 0 ? summary.trim() : out + err);
  if (code !== 0) process.exitCode = 1;
}
server.stdin.end();
await once(server, 'exit');

async function text(stream) {
  let all = '';
  for await (const part of stream.setEncoding('utf8')) all += part;
  return all;
}
