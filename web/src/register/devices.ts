// How loud the state of a device is. Words are the strings'; this is only the tone.
import type { AgentState, PrinterState } from '../shared/api/agent';

type Tone = 'quiet' | 'plain' | 'warn' | 'stop';

export function printerTone(state: PrinterState): Tone {
  if (state === 'ready') return 'quiet';
  return state === 'printing' || state === 'none' ? 'plain' : 'warn';
}

/** States in which a receipt cannot come out now. */
export function printerStuck(state: PrinterState): boolean {
  return ['no_paper', 'cover_open', 'not_answering', 'unreachable'].includes(state);
}

export function scannerTone(state: AgentState['scanner']['state']): Tone {
  return state === 'ready' ? 'quiet' : state === 'gone' ? 'warn' : 'plain';
}

export function drawerTone(state: AgentState['drawer']['state']): Tone {
  return state === 'closed' ? 'quiet' : 'plain';
}
