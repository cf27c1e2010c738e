#!/usr/bin/env node
// The command line.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { binary } from './binary.js';

const words = process.argv.slice(2);
const at = words.findIndex((word) => !word.startsWith('-'));
// A server is not left behind when this process is killed.
if (['serve', 'run', 'play', 'record'].includes(words[at]) && process.platform !== 'win32') {
  words.splice(at + 1, 0, '--exit-with-pid', String(process.pid));
}
let program;
try {
  program = binary();
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exit(3);
}
const { ELASTIMOCK_BINARY, ...env } = process.env;
const child = spawn(program, words, { stdio: 'inherit', env });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    // Ctrl-C at a terminal has reached the child already.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on('error', (error) => {
  console.error(`error: ${error.message}`);
  process.exit(3);
});
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
