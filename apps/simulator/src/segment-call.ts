/** The three kinds of call of Segment's tracking API that the simulated shop makes. */
export interface IdentifyCall extends CommonFields {
  type: 'identify';
  userId: string;
  traits: Record<string, string>;
}

export interface TrackCall extends CommonFields {
  type: 'track';
  userId: string;
  event: string;
  properties: Properties;
}

export interface PageCall extends CommonFields {
  type: 'page';
  anonymousId: string;
  name: string;
  properties: Properties;
}

export type SegmentCall = IdentifyCall | TrackCall | PageCall;

interface CommonFields {
  /** The same for the same seed, so that sending a history twice stores it once. */
  messageId: string;
  /** ISO 8601, UTC. */
  timestamp: string;
  anonymousId?: string;
}

export interface Product {
  product_id: string;
  name: string;
  category: string;
  brand: string;
  price: number;
  quantity: number;
}

export type Property = string | number | boolean | Product[];
export type Properties = Record<string, Property>;
