/** Pieces of SQL about how models draw segments; each takes the name of a column or a row. */

/** How a segment is drawn: by the served model, else by the newest that drew it; by `model` alone where that is not null. */
export const drawingOf = (segment: string, model = 'null::uuid') => `select o.* from serving.segment_versions o
  where o.segment_id = ${segment} and (${model} is null or o.model_id = ${model})
  order by (o.model_id = (select model_id from serving.active_model)) desc, o.created_at desc limit 1`;

/** Ids of the segments that a drawn one is made of, on the next finer level. */
export const partsOf = (drawing: string) => `select c.segment_id from serving.segment_versions c
  where c.model_id = ${drawing}.model_id and c.parent_index = ${drawing}.segment_index order by c.segment_index`;

/** Id of the segment that a drawn one is part of, on the next coarser level. */
export const wholeOf = (drawing: string) => `select p.segment_id from serving.segment_versions p
  where p.model_id = ${drawing}.model_id and p.segment_index = ${drawing}.parent_index`;
