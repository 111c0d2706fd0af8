-- Segments by example: a region around some customers in the space of one model. Who is in it lies in serving.memberships with
-- level null, as of every segment that people define.
CREATE TABLE serving.segment_regions (
  workspace_id uuid             NOT NULL,
  segment_id   uuid             NOT NULL,
  -- The examples; whoever is erased goes out of it.
  examples     uuid[]           NOT NULL,
  -- Least closeness of a member, 0..1.
  threshold    double precision NOT NULL,
  -- In whose space it is drawn; another one than is served, or none: it is to be drawn again from its examples.
  model_id     uuid,
  -- Little-endian float32, (n, width): the examples, and customers who stand for all.
  points       bytea            NOT NULL DEFAULT '',
  crowd        bytea            NOT NULL DEFAULT '',
  width        integer          NOT NULL DEFAULT 0,
  -- Of the kernels, what their width is, and what they come to where customers lie densest and at a typical example.
  reach        double precision NOT NULL DEFAULT 1,
  densest      double precision NOT NULL DEFAULT 1,
  usual        double precision NOT NULL DEFAULT 1,
  -- Customers that were looked at since it was drawn, up to which id, and whether that is everyone.
  looked       bigint           NOT NULL DEFAULT 0,
  looked_up_to uuid,
  is_built     boolean          NOT NULL DEFAULT false,
  changed_at   timestamptz      NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, segment_id),
  FOREIGN KEY (workspace_id, segment_id) REFERENCES serving.segments (workspace_id, id)
);
ALTER TABLE serving.segment_regions ALTER COLUMN points SET STORAGE EXTERNAL, ALTER COLUMN crowd SET STORAGE EXTERNAL;
SELECT kindred.protect('serving.segment_regions', 'serving');
