#!/usr/bin/env node
// The first step of every npm script: plain JavaScript for Node 20 and nothing installed. Brings node_modules and
// the Python environment to what the two lock files say, then hands over to the script itself on the project's own Node.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [script, ...args] = process.argv.slice(2);
const windows = process.platform === 'win32';

process.chdir(root);
if (Number(process.versions.node.split('.')[0]) < 20) fail(`Node 20 or newer is needed; this is ${process.version}.`);
installNodePackages();
installPythonPackages();
handOver();

function installNodePackages() {
  // Not `npm ci`: it refuses a lock file whose packages for other platforms a registry does not carry.
  unlessStamped('node-packages', ['package.json', 'package-lock.json'], existsSync('node_modules'), 'Installing the Node packages', () =>
    must('npm', ['install', '--no-audit', '--no-fund', '--no-save', '--loglevel=error'], 'The Node packages could not be installed.'),
  );
}

function installPythonPackages() {
  const lock = 'apps/gpu-worker/requirements.lock';
  unlessStamped('python-packages', [lock], existsSync('.venv'), 'Installing the Python packages (PyTorch is large; a few minutes on a slow line)', () => {
    const python = findPython();
    if (!existsSync(venv('python'))) {
      rmSync('.venv', { recursive: true, force: true });
      must(python, ['-m', 'venv', '.venv'], 'A Python environment could not be made. On Debian and Ubuntu: apt-get install python3-venv.');
    }
    const quiet = ['--quiet', '--disable-pip-version-check'];
    must(venv('python'), ['-m', 'pip', 'install', ...quiet, 'uv'], 'The Python package installer uv could not be installed.');
    must(venv('python'), ['-m', 'uv', 'pip', 'install', '--quiet', '--python', venv('python'), '-r', lock], 'The Python packages could not be installed.');
  });
}

function handOver() {
  const node = join(root, 'node_modules', 'node', 'bin', windows ? 'node.exe' : 'node');
  const path = `${join(root, 'node_modules', '.bin')}${windows ? ';' : ':'}${process.env.PATH ?? ''}`;
  const child = spawn(existsSync(node) ? node : process.execPath, ['--disable-warning=ExperimentalWarning', `scripts/${script}/main.ts`, ...args], {
    stdio: 'inherit',
    env: { ...process.env, PATH: path },
  });
  // The child ends by itself on a signal; leaving first would orphan what it still has to stop.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
}

/** Runs `work` unless the files are as they were when it last succeeded. */
function unlessStamped(name, files, present, title, work) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(file));
  const digest = hash.digest('hex');
  const stamp = join('.kindred', 'stamps', name);
  if (present && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  process.stderr.write(`${title} …\n`);
  const began = Date.now();
  work();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, digest);
  process.stderr.write(`  done in ${((Date.now() - began) / 1000).toFixed(0)} s\n`);
}

function findPython() {
  for (const name of ['python3', 'python3.13', 'python3.12', 'python3.11', 'python']) {
    const found = spawnSync(name, ['-c', 'import sys; print(sys.version_info >= (3, 11))'], { encoding: 'utf8' });
    if (found.status === 0 && found.stdout.trim() === 'True') return name;
  }
  return fail('Python 3.11 or newer is needed and was not found on the PATH.');
}

function venv(program) {
  return join(root, '.venv', windows ? 'Scripts' : 'bin', program);
}

function must(command, commandArgs, failure) {
  const { status, error } = spawnSync(command, commandArgs, { stdio: ['ignore', 2, 2] });
  if (error || status !== 0) fail(`${failure} (${command} ${commandArgs.slice(0, 3).join(' ')} … ${error?.message ?? `ended with status ${status}`})`);
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
