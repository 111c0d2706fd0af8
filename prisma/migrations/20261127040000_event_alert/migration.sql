-- Webhooks may tell of unusual events, too. They follow the feed of events on their own, from when they were asked to; null: they do not.
ALTER TABLE serving.webhooks
  ADD COLUMN event_horizon bigint,
  ADD COLUMN event_sequence bigint,
  DROP CONSTRAINT webhooks_events_check,
  ADD CONSTRAINT webhooks_events_check
    CHECK (events <> '{}' AND events <@ ARRAY['Segment Entered', 'Segment Exited', 'Customer Unusual', 'Customer Usual Again', 'Event Unusual']),
  ADD CONSTRAINT webhooks_event_place
    CHECK (('Event Unusual' = ANY (events)) = (event_horizon IS NOT NULL) AND (event_horizon IS NULL) = (event_sequence IS NULL));
-- change_xid and change_sequence are then the event's place in its feed: its transaction is none of serving's.
ALTER TABLE serving.webhook_deliveries
  DROP CONSTRAINT webhook_deliveries_event_check,
  ADD CONSTRAINT webhook_deliveries_event_check
    CHECK (event IN ('Segment Entered', 'Segment Exited', 'Customer Unusual', 'Customer Usual Again', 'Event Unusual')),
  DROP CONSTRAINT webhook_deliveries_segment,
  ADD CONSTRAINT webhook_deliveries_segment CHECK ((segment_id IS NULL) = (event IN ('Customer Unusual', 'Customer Usual Again', 'Event Unusual')));
