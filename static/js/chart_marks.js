// The reader's fills as marks on the chart: an arrow below (bought) or above (sold) the candle they fell into. Pure.

// `fills`: {time in seconds, bought}; `rows`: the candles that are there, oldest first, each `step` seconds long.
export function marksOf(fills, rows, step, color) {
  const first = rows[0]?.time ?? Infinity;
  const marks = fills.map((fill) => ({ time: rows.findLast((row) => row.time <= fill.time)?.time, bought: fill.bought, at: fill.time }))
    .filter((mark) => mark.time !== undefined && mark.at >= first && mark.at < mark.time + step).sort((a, b) => a.time - b.time);
  return marks.map((mark) => ({
    time: mark.time, position: mark.bought ? "belowBar" : "aboveBar", shape: mark.bought ? "arrowUp" : "arrowDown", color, size: 0.7,
  }));
}
