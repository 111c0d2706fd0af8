/** More than this is much: the halves of the data differ (population stability index), as the worker has it in `data/quality.py`. */
export const MUCH_DRIFT = 0.25;
