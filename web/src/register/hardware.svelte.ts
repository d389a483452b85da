// The devices page's knowledge: what the agent says of its devices, and what is asked of them. Asks
// again when the agent says that something changed, and only while somebody looks.
import type { Devices, PrintJob } from '../shared/api/agent';
import { announce } from '../shared/announce.svelte';
import type { Problem } from '../shared/api/http';
import { play } from '../shared/sound';
import { api, fail } from './agent';
import { desk } from './desk.svelte';
import { said } from './said';
import { t } from './strings';

const PAUSE_MS = 120;

class Hardware {
  list = $state.raw<Devices | null>(null);
  /** What was asked for and happened, in words. */
  told = $state('');
  private timer: ReturnType<typeof setTimeout> | undefined;

  async load() {
    try {
      this.list = await api.get<Devices>('api/devices');
    } catch (cause) {
      fail(cause);
    }
  }

  /** Several changes come at once: they are read once. */
  changed() {
    if (desk.panel !== 'devices' && !desk.agent?.printer.paused) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.look(), PAUSE_MS);
  }

  private async look() {
    if (desk.panel === 'devices') await this.load();
    // While the printer is paused nothing tells of the receipts that join the queue.
    if (!desk.agent?.printer.paused || desk.phase !== 'sell') return;
    try {
      desk.jobs = (await api.get<{ jobs: PrintJob[] }>('api/print-jobs?limit=20')).jobs;
    } catch (cause) {
      fail(cause);
    }
  }

  private async ask(path: string, told: string) {
    this.told = '';
    desk.refusal = null;
    try {
      await api.post(path);
      this.told = told;
      if (told) announce(told);
      if (desk.panel === 'devices') await this.load();
    } catch (cause) {
      fail(cause);
    }
  }

  pause() {
    return this.ask('api/printer/pause', '');
  }

  goOn() {
    return this.ask('api/printer/resume', '');
  }

  /** The next three scans show what the scanner puts around a code. */
  teach() {
    return this.ask('api/scanner/teach', '');
  }

  /** Scans sell again. */
  async endLesson() {
    if (this.list?.scanner.lesson === null) return;
    try {
      await api.delete('api/scanner/teach');
      if (desk.panel === 'devices') await this.load();
    } catch (cause) {
      fail(cause);
    }
  }

  /** A scan of a lesson: what it came to, in words. */
  learned(problem: Problem) {
    this.told = said(problem);
    play(problem.code === 'scanner_not_taught' ? 'not_found' : 'added');
    announce(this.told);
    void this.changed();
  }

  testPage() {
    return this.ask('api/printer/test-page', t.testPageSent);
  }

  /** Opens the display's window. Its key is good once; it is in no address that a server sees. */
  async openDisplay() {
    this.told = '';
    desk.refusal = null;
    // Before the answer: a browser opens a window only for a press.
    const opened = window.open('about:blank', 'oneshelf-display', 'popup,width=1024,height=768');
    try {
      const { key } = await api.post<{ key: string }>('api/display-keys');
      if (!opened) this.told = t.displayBlocked;
      else {
        opened.location.replace(new URL(`display#key=${key}`, api.base));
        this.told = t.displayOpened;
      }
      announce(this.told);
    } catch (cause) {
      opened?.close();
      fail(cause);
    }
  }

  async endDisplay() {
    this.told = '';
    try {
      await api.delete('api/displays');
      await this.load();
    } catch (cause) {
      fail(cause);
    }
  }
}

export const hardware = new Hardware();
