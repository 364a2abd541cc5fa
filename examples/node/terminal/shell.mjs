// A shell on a pseudo-terminal. Node has none of its own: `script` of util-linux makes it, and `stty` changes its size.
//
// SPDX-License-Identifier: BSD-3-Clause
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const START = 'stty rows "$ROWS" cols "$COLUMNS" iutf8; tty >"$TTY_FILE"; unset ROWS COLUMNS TTY_FILE; exec "$SHELL"';

export class Shell {
  #folder = fs.mkdtempSync(path.join(os.tmpdir(), 'polyrtc-'));
  #process;

  /** onshow(bytes) and onexit(status) are called; `pause` and `resume` hold what it shows. */
  constructor(shell, columns, rows, { onshow, onexit }) {
    const environment = {
      ...process.env,
      TERM: 'xterm-256color',
      COLORTERM: 'truecolor',
      SHELL: shell,
      ROWS: rows,
      COLUMNS: columns,
      TTY_FILE: path.join(this.#folder, 'tty'),
    };
    if (!/utf-?8$/i.test(process.env.LC_ALL || process.env.LC_CTYPE || process.env.LANG || ''))
      Object.assign(environment, { LC_ALL: '', LC_CTYPE: 'C.UTF-8' });
    this.#process = spawn('script', ['--quiet', '--return', '--flush', '--command', START, '/dev/null'], {
      cwd: os.homedir(),
      env: environment,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#process.stdin.on('error', () => {}); // it has ended
    this.#process.stdout.on('data', onshow);
    this.#process.on('close', (code, signal) => {
      fs.rmSync(this.#folder, { recursive: true });
      onexit(signal === null ? code : -os.constants.signals[signal]);
    });
  }

  /** Calls `written` when the terminal has taken it. */
  type(bytes, written) {
    this.#process.stdin.write(bytes, written);
  }

  resize(columns, rows) {
    fs.readFile(path.join(this.#folder, 'tty'), 'utf8', (error, name) => {
      if (!error) execFile('stty', ['-F', name.trim(), 'rows', String(rows), 'cols', String(columns)], () => {});
    });
  }

  pause() {
    this.#process.stdout.pause();
  }
  resume() {
    this.#process.stdout.resume();
  }

  /** With `script` its side of the terminal goes: the kernel hangs up the shell, and what runs in the foreground. */
  close() {
    this.#process.kill('SIGKILL');
  }
}
