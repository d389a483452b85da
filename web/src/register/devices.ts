// How loud the state of a device is. Words are the strings'; this is only the tone.
import type { AgentState, Device, PrinterState, ScaleState } from '../shared/api/agent';

export type Tone = 'quiet' | 'plain' | 'warn' | 'stop';

export function printerTone(state: PrinterState): Tone {
  if (state === 'ready') return 'quiet';
  return state === 'printing' || state === 'none' ? 'plain' : 'warn';
}

/** States in which a receipt cannot come out now. */
export function printerStuck(state: PrinterState): boolean {
  return ['no_paper', 'cover_open', 'cutter_error', 'not_answering', 'unreachable'].includes(state);
}

export function scannerTone(state: AgentState['scanner']['state']): Tone {
  return state === 'ready' ? 'quiet' : state === 'gone' ? 'warn' : 'plain';
}

export function drawerTone(state: AgentState['drawer']['state']): Tone {
  return state === 'closed' ? 'quiet' : 'plain';
}

/** Whether somebody should look at the printer before the next receipt. */
export function printerTrouble(printer: AgentState['printer'] | undefined): boolean {
  return printer !== undefined && (printerStuck(printer.state) || printer.paused);
}

export function scaleTone(state: ScaleState): Tone {
  return state === 'ready' ? 'quiet' : state === 'none' ? 'plain' : 'warn';
}

export function displayTone(state: Device<'none' | 'away' | 'showing'>['state']): Tone {
  return state === 'showing' ? 'quiet' : state === 'away' ? 'warn' : 'plain';
}
