import type { ReactNode } from 'react';
import { CustomerMapDocument, SegmentsDocument } from '../gen/graphql';
import { Card } from '../parts/card';
import { CustomerMap } from '../segment/customer-map';
import { useReading } from '../session/reading';
import type { CustomerNow } from './customer';
import { nameOf } from './name';
import { placeOf } from './place';

const MAP_SAMPLE = 3000;

/** Where a customer lies among all of them; nothing where the model has not read them. */
export function PlaceCard({ customer }: { customer: CustomerNow }): ReactNode {
  const { mapPosition, memberships } = customer;
  const { data: map } = useReading(CustomerMapDocument, { sample: MAP_SAMPLE }, { pause: !mapPosition });
  const { data: all } = useReading(SegmentsDocument, {}, { pause: !mapPosition });
  if (!mapPosition || !map || !all) return null;
  const own = placeOf(memberships)?.segment.id;
  return (
    <Card title="On the map" note={own ? 'Others of their segment in colour' : 'Among everyone'}>
      <CustomerMap points={map.customerMap.points} segments={all.segments.nodes} {...(own ? { only: own } : {})} here={{ ...mapPosition, name: nameOf(customer) }} height={240} />
    </Card>
  );
}
