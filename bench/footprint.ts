/** What the executable takes of a router that is at rest, and how soon it is there. */
import { buildExecutable } from '../scripts/executable.ts';
import { Lab } from '../src/lab/lab.ts';
import { waitFor } from '../src/lab/process.ts';
import type { Benchmark } from './benchmark.ts';

const ROUTER = 'rtr-core01';
const IFACE = 'p3p1';
const VIPS = 20;
const CONFIG = '/tmp/footprint.conf';
const PID_FILE = '/run/keepalived.pid';
/** Between adverts of a second a router is at rest; so many of them say what it takes on the average. */
const REST_SECONDS = 20;
/** Linux counts a process's time in these. */
const TICKS_A_SECOND = 100;
const BYTES_MB = 1e6;

/** Priority 255 owns the address: MASTER, and the first advert, as soon as VRRP runs. */
const CONF = `vrrp_instance VI_0 {
    state MASTER
    interface ${IFACE}
    virtual_router_id 51
    priority 255
    advert_int 1
    virtual_ipaddress {
${Array.from({ length: VIPS }, (_, index) => `        192.168.1.${100 + index}/24 dev ${IFACE}`).join('\n')}
    }
}
`;

export const benchmark: Benchmark = {
  title: 'Footprint',
  about: `The executable on a router of the lab as MASTER with ${VIPS} VIPs and an advert_int of 1 s. Memory and threads as the
kernel counts them after ${REST_SECONDS} s at rest (smaps_rollup; what is resident is mostly the file itself, which the kernel can
drop; what is private and dirty is the daemon's own), processor time over these seconds. "From exec" is the time from
the shell's last moment to the kernel's time of the first advert, with priority 255, which waits for nothing: by then the
file is read, the sockets are open, and packets are handled.`,
  figures: [
    { name: 'from exec to the first advert', unit: 'ms', limit: 150 },
    { name: 'resident', unit: 'MB', limit: 72 },
    { name: 'private dirty', unit: 'MB', limit: 16 },
    { name: 'processor at rest', unit: '%', limit: 1 },
    { name: 'threads', unit: '', limit: 3 },
    { name: 'executable', unit: 'MB' },
  ],
  runs: 7,
  async prepare() {
    const { size } = await buildExecutable();
    const lab = await Lab.up({ init: 'small' });
    await lab.must(ROUTER, ['sh', '-c', `umask 077; cat >${CONFIG}`], { stdin: CONF });
    return {
      run: async () => ({ ...(await run(lab)), executable: size / BYTES_MB }),
      [Symbol.asyncDispose]: () => lab.down(),
    };
  },
};

async function run(lab: Lab): Promise<Readonly<Record<string, number>>> {
  await using adverts = await lab.adverts(ROUTER, IFACE);
  const start = `date +%s%N; exec setsid /opt/lab/tree/dist/tandemd -n -f ${CONFIG} </dev/null >/dev/null 2>&1 &`;
  const startedAt = Number(await lab.must(ROUTER, ['sh', '-c', start])) / 1e6;
  await waitFor(() => adverts.events.length > 2, { what: 'adverts', timeoutMs: 20_000 });
  const before = await ticks(lab);
  await new Promise((resolve) => setTimeout(resolve, REST_SECONDS * 1000));
  const spent = (await ticks(lab)) - before;
  const memory = await read(lab, 'smaps_rollup');
  const kilobytes = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(memory)?.[1]);
  const status = await read(lab, 'status');
  await lab.must(ROUTER, ['sh', '-c', `kill "$(cat ${PID_FILE})"`]);
  await waitFor(async () => (await lab.exec(ROUTER, ['test', '-e', PID_FILE])).code !== 0, {
    what: 'the end',
    timeoutMs: 20_000,
  });
  return {
    'from exec to the first advert': adverts.events[0]!.at - startedAt,
    resident: (kilobytes('Rss') * 1024) / BYTES_MB,
    'private dirty': (kilobytes('Private_Dirty') * 1024) / BYTES_MB,
    'processor at rest': (spent / TICKS_A_SECOND / REST_SECONDS) * 100,
    threads: Number(/^Threads:\s+(\d+)/m.exec(status)?.[1]),
  };
}

const read = (lab: Lab, file: string): Promise<string> =>
  lab.must(ROUTER, ['sh', '-c', `cat "/proc/$(cat ${PID_FILE})/${file}"`]);

/** Of all its threads, in user and kernel: proc_pid_stat(5), fields 14 and 15. */
async function ticks(lab: Lab): Promise<number> {
  const fields = (await read(lab, 'stat')).split(') ')[1]!.split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
