// Two short tones for a fill: upwards when bought, downwards when sold. Browsers allow it after the first click.

let audio = null;

export function fillSound(bought) {
  audio ??= new AudioContext();
  const start = audio.currentTime, tones = bought ? [660, 880] : [660, 495];
  for (const [index, hertz] of tones.entries()) {
    const tone = new OscillatorNode(audio, { frequency: hertz, type: "sine" }), loudness = new GainNode(audio, { gain: 0.06 });
    loudness.gain.setTargetAtTime(0, start + index * 0.09 + 0.05, 0.03);
    tone.connect(loudness).connect(audio.destination);
    tone.start(start + index * 0.09);
    tone.stop(start + index * 0.09 + 0.25);
  }
}
