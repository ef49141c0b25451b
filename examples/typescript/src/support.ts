// What both programs need: a server for an account, a deadline, and a count of what held.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const store = mkdtempSync(join(tmpdir(), 'flow-mcp-clients-'));
process.on('exit', () => rmSync(store, { recursive: true, force: true, maxRetries: 30 }));

/** How to start the server of an account. All accounts share one store, made for this run. */
export function server(account: string) {
  const command = process.argv[2] ?? process.env['FLOW_MCP'] ?? 'flow-mcp';
  return { command, args: ['--account', account, '--data-dir', store, '--log-level', 'error'] };
}

let passed = 0;
let failed = 0;

/** Runs one step of the story and says whether it held. */
export async function step(name: string, body: () => Promise<void>) {
  try {
    await within(60_000, body());
    passed++;
    console.log(`ok      ${name}`);
  } catch (err) {
    failed++;
    console.log(`FAILED  ${name}\n        ${err}`);
  }
}

/** Prints the count and ends the program, with 1 if anything failed. */
export function end(): never {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}

/** Waits for work, but not longer than ms milliseconds. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came within ${ms} ms`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** Announcements that have arrived, by URI. */
export class Updates {
  private readonly seen = new Set<string>();
  private wake = () => {};

  add(uri: string) {
    this.seen.add(uri);
    this.wake();
  }

  /** Resolves once uri has been announced, also if that was before the call. */
  async of(uri: string) {
    while (!this.seen.delete(uri)) {
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}

/** Stands for the person at the client, who is asked before something is destroyed. */
export class Person {
  readonly asked: string[] = [];
  says: 'accept' | 'decline' = 'decline';

  answer(question: { message: string }) {
    this.asked.push(question.message);
    return this.says === 'accept' ? { action: this.says, content: { confirm: true } } : { action: this.says };
  }
}

/** What a call returns, in the terms of both SDKs. */
type Result = { [field: string]: unknown };

/** The structured content of a call that went well. The SDK has checked it against the
 * tool's output schema. */
export function structured<T>(result: Result): T {
  assert.ok(!result.isError, `the tool failed: ${text(result)}`);
  assert.ok(result.structuredContent, 'there is no structured content');
  return result.structuredContent as T;
}

/** The text of a result, which is what a model reads. */
export function text(result: Result): string {
  const parts = (result.content ?? []) as { type: string; text?: string }[];
  return parts.map((part) => part.text ?? '').join('\n');
}
