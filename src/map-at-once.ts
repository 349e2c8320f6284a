/**
 * Does the work for each item, at most `atOnce` at a time; the results stand in the order of the items. After a failure nothing more is begun; rejects with
 * the first one when all that was under way has ended, so that nothing of it goes on behind the caller's back.
 */
export async function mapAtOnce<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const failures: unknown[] = [];
  const rest = items.entries();
  const runOne = async () => {
    for (const [index, item] of rest) {
      if (failures.length > 0) return;
      try {
        results[index] = await work(item);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, runOne));
  if (failures.length > 0) throw failures[0];
  return results;
}
