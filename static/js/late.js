// A part that is loaded when it is wanted. A network may fail for a moment, so it is asked for again before it counts as missing.

const PAUSES_MS = [250, 1000, 2500];

export async function late(load) {
  for (const pause of PAUSES_MS) {
    try {
      return await load();
    } catch (error) {
      console.warn(`Asked for again in ${pause} ms: ${error.message}`);
      await new Promise((go) => setTimeout(go, pause));
    }
  }
  return load();
}
