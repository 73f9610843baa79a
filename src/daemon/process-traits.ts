/**
 * What the file says of the process itself: its priority, its memory, its processors. Each is a help and none a need:
 * what the kernel refuses is a warning, and VRRP goes on. Seen with keepalived 2.2.7; two things differ. Only the loop's
 * own thread is real-time (the rest of the runtime helps it, and must not keep others from the processor), and without
 * vrrp_rlimit_rttime there is no limit: keepalived's 10 ms would end a runtime that compiles its code as it goes.
 */
import { setPriority } from 'node:os';
import { type Millis, ms } from '../base/units.ts';
import type { GlobalDefs } from '../keepalived/model.ts';
import { allowProcessors, limitRealTime, lockMemory, setRealTime } from '../linux/ffi.ts';
import type { Log } from './log.ts';

/** keepalived's min_auto_priority_delay, which the file gives in microseconds. */
const LATE_DEFAULT: Millis = ms(1_000);
/** How often it is looked whether the loop comes late: often enough for the default, rarely enough to cost nothing. */
const LOOK_MS = 250;

export class ProcessTraits {
  readonly #log: Log;
  /** As they were set last. Nothing that the file never named is touched: systemd may have set it. */
  #set: GlobalDefs = {};
  /** By max_auto_priority. */
  #raised = 0;
  #looking: NodeJS.Timeout | undefined;

  constructor(log: Log) {
    this.#log = log;
    process.on('SIGXCPU', () => this.#tooLong());
  }

  /** At the start and after each reload. */
  apply(globals: GlobalDefs): void {
    const { vrrp_priority, vrrp_rt_priority, vrrp_no_swap, vrrp_rlimit_rttime, vrrp_cpu_affinity } = globals;
    const before = this.#set;
    this.#set = globals;
    if (vrrp_no_swap !== before.vrrp_no_swap) this.#try('vrrp_no_swap', lockMemory(vrrp_no_swap === true));
    if (`${vrrp_cpu_affinity}` !== `${before.vrrp_cpu_affinity}`) {
      this.#try('vrrp_cpu_affinity', allowProcessors(vrrp_cpu_affinity));
    }
    if (vrrp_priority !== before.vrrp_priority) this.#beNice(vrrp_priority ?? 0);
    if (vrrp_rlimit_rttime !== before.vrrp_rlimit_rttime) {
      this.#try('vrrp_rlimit_rttime', limitRealTime(vrrp_rlimit_rttime));
    }
    if (vrrp_rt_priority !== before.vrrp_rt_priority) this.#try('vrrp_rt_priority', setRealTime(vrrp_rt_priority ?? 0));
    this.#raised = 0;
    this.#look(globals);
  }

  /** A priority below 0 is the loop's alone: what it starts has 0 again. */
  #beNice(priority: number): void {
    this.#try('vrrp_priority', setRealTime(0));
    try {
      setPriority(priority);
    } catch (error) {
      this.#log('warning', `vrrp_priority: ${(error as Error).message}`);
    }
  }

  #look({ max_auto_priority: max = 0, min_auto_priority_delay: delay }: GlobalDefs): void {
    clearInterval(this.#looking);
    if (max <= 0) return;
    const late = delay === undefined ? LATE_DEFAULT : delay / 1_000;
    let due = performance.now() + LOOK_MS;
    this.#looking = setInterval(() => {
      const now = performance.now();
      if (now - due > late) this.#raise(max, now - due);
      due = now + LOOK_MS;
    }, LOOK_MS).unref();
  }

  /** One step at a time, as keepalived does: first real-time at all, then higher. */
  #raise(max: number, late: number): void {
    const priority = Math.max(this.#set.vrrp_rt_priority ?? 0, this.#raised) + 1;
    if (priority > max) return;
    this.#raised = priority;
    this.#log('notice', `${Math.round(late)} ms late: real-time priority ${priority}`);
    this.#try('max_auto_priority', setRealTime(priority));
  }

  /** vrrp_rlimit_rttime is used up. It is there so that a real-time loop cannot take the machine: it is one no more. */
  #tooLong(): void {
    this.#log('error', 'vrrp_rlimit_rttime: too long without a pause; the priority is an ordinary one from now on');
    this.#try('vrrp_rlimit_rttime', setRealTime(0));
  }

  #try(keyword: string, result: 'done' | string): void {
    if (result !== 'done') this.#log('warning', `${keyword}: the kernel refuses it (${result})`);
  }
}
