-- Whether another model drew the region last: whoever comes or goes then is moved by the promotion, and is told of so.
ALTER TABLE serving.segment_regions ADD COLUMN by_promotion boolean NOT NULL DEFAULT false;
