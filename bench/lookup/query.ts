/** What is measured: a customer's memberships, and a list of 25 items. */
export const LOOKUP = 'query($userId: String!) { customer(userId: $userId) { memberships { segment { name } strength since } } }';
export const LIST = '{ segments(first: 25) { nodes { id name description size share stability } } }';

/** Just enough of the contract for the two. */
export const SDL = `
  scalar DateTime
  type Query { customer(userId: String): Customer segments(first: Int = 25): SegmentConnection! }
  type Customer { memberships: [Membership!]! }
  type Membership { segment: Segment! strength: Float! since: DateTime! }
  type SegmentConnection { nodes: [Segment!]! }
  type Segment { id: ID! name: String! description: String! size: Int! share: Float! stability: Float }
`;
