// Sound cues, made by Web Audio without files. Each has a visible twin on the page; this file only
// adds the ear. Browsers allow sound after the first touch or key, so the context is made then.
import { recall, remember } from './locale';

export type Cue = 'added' | 'not_found' | 'blocked' | 'paid';

// Pairs of (hertz, milliseconds), played one after the other.
const cues: Record<Cue, [number, number][]> = {
  added: [[1760, 60]],
  not_found: [[330, 90], [330, 90]],
  blocked: [[220, 450]],
  paid: [[880, 70], [1320, 70]],
};
const PAUSE_S = 0.03;

let context: AudioContext | null = null;
let muted = recall('muted') === 'yes';

function wake() {
  context ??= new AudioContext();
  if (context.state === 'suspended') void context.resume();
}

export function listenForFirstTouch() {
  addEventListener('pointerdown', wake, { once: true });
  addEventListener('keydown', wake, { once: true });
}

export function isMuted(): boolean {
  return muted;
}

export function mute(next: boolean) {
  muted = next;
  remember('muted', next ? 'yes' : 'no');
}

export function play(cue: Cue) {
  if (muted || !context || context.state !== 'running') return;
  let at = context.currentTime + 0.005;
  for (const [hertz, ms] of cues[cue]) {
    const tone = context.createOscillator();
    const gain = context.createGain();
    const end = at + ms / 1000;
    tone.frequency.value = hertz;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(0.22, at + 0.004);
    gain.gain.setValueAtTime(0.22, end - 0.012);
    gain.gain.linearRampToValueAtTime(0, end);
    tone.connect(gain).connect(context.destination);
    tone.start(at);
    tone.stop(end);
    at = end + PAUSE_S;
  }
}
