// needs: kernel ssh sshd ssh-keygen
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ms } from '../../src/base/units.ts';
import { connect } from '../../src/router/ssh.ts';
import { inOwnNetwork } from '../support/namespace.ts';
import { startSshd } from '../support/sshd.ts';

inOwnNetwork();
const sshd = await startSshd();
const target = { router: 'r1', host: '127.0.0.1', ssh: sshd.ssh };

test('a command runs with its arguments, its input, its output and its exit status', async () => {
  await using remote = await connect(target);
  const result = await remote.exec(['sh', '-c', 'cat; echo "$1" >&2; exit 3', 'x', "it's; $HOME"], {
    stdin: 'in\n',
    timeout: ms(5000),
    what: 'trying',
  });
  assert.deepEqual(result, { code: 3, stdout: 'in\n', stderr: "it's; $HOME\n" });
});
