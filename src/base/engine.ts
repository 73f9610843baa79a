/** Which daemon speaks VRRP on a router: the distribution's keepalived, or Tandem's own. */
export type Engine = 'keepalived' | 'tandemd';
