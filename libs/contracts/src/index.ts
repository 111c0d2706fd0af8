// What services promise each other: one namespace per proto package, plus the generated definitions.
export * as access from './gen/kindred/access/v1/access.js';
export * as counting from './gen/kindred/serving/v1/counting.js';
export * as explanation from './gen/kindred/serving/v1/explanation.js';
export * as feed from './gen/kindred/feed/v1/feed.js';
export * as foresight from './gen/kindred/serving/v1/foresight.js';
export * as forgetting from './gen/kindred/serving/v1/forgetting.js';
export * as identity from './gen/kindred/ingestion/v1/identity.js';
export * as ingestion from './gen/kindred/ingestion/v1/ingestion.js';
export * as intake from './gen/kindred/ingestion/v1/intake.js';
export * as person from './gen/kindred/ingestion/v1/person.js';
export * as quarantine from './gen/kindred/ingestion/v1/quarantine.js';
export * as pastReading from './gen/kindred/serving/v1/past_reading.js';
export * as region from './gen/kindred/serving/v1/region.js';
export * as retention from './gen/kindred/ingestion/v1/retention.js';
export * as serving from './gen/kindred/serving/v1/serving.js';
export * as similar from './gen/kindred/serving/v1/similar.js';
export * as trackingPlan from './gen/kindred/ingestion/v1/tracking_plan.js';
export * as training from './gen/kindred/training/v1/training.js';
export * as worker from './gen/kindred/worker/v1/worker.js';
/** Of the worker as well, in a file of its own. */
export * as rule from './gen/kindred/worker/v1/rule.js';
/** Of serving as well, in a file of its own. */
export * as webhook from './gen/kindred/serving/v1/webhook.js';
export * as definition from './gen/kindred/serving/v1/segment_definition.js';
/** Of serving as well, in a file of its own. */
export * as exporting from './gen/kindred/serving/v1/export.js';
export * as history from './gen/kindred/serving/v1/history.js';
/** Lists of customers that people bring; of ingestion. */
export * as customerList from './gen/kindred/ingestion/v1/customer_list.js';
/** Of training as well, in a file of its own. */
export * as label from './gen/kindred/training/v1/label.js';
export * as dataProfile from './gen/kindred/training/v1/data_profile.js';
export * as prediction from './gen/kindred/serving/v1/prediction.js';
/** What heads are, between training and the worker. */
export * as head from './gen/kindred/worker/v1/label.js';
/** Of serving as well, in a file of its own. */
export * as unusual from './gen/kindred/serving/v1/unusual.js';
/** How far what is ordinary to a model reaches, between the worker and who keeps models. */
export * as novelty from './gen/kindred/worker/v1/novelty.js';
/** Of serving as well, in a file of its own. */
export * as unusualEvent from './gen/kindred/serving/v1/unusual_event.js';
