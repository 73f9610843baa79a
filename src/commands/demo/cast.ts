/** Who plays in the demo: the routers and the VIPs of examples/seed-as-published. */
export const [A, B] = ['rtr-core01', 'rtr-core02'] as const;
export const OLD_VIP = '192.168.1.1';
/** How many the pair has before the demo adds one. */
export const VIPS = 4;
