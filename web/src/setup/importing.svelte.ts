// A file on its way into the hub: what it holds, where its columns go, how far it is. Owns the
// steps and their order; draws nothing.
import { newKey, seg } from '../shared/api/http';
import type {
  DecimalMark, Import, ImportError, ImportKind, ImportPreview,
} from '../shared/api/types';
import { noteFailure, readHasItems, theApi } from './office.svelte';
import { saidOfFile } from './said';

const LOOK_MS = 400;
/** Of a file that is looked at before it is sent. */
const FIRST_BYTES = 256 << 10;

type Errors = { errors: ImportError[]; next_cursor: string | null };

const csv = (body: Blob) => ({ body, type: 'text/csv' });

/** A file's name as the name of its mapping. */
const nameOf = (file: File) =>
  file.name.replace(/\.[^.]*$/, '').replace(/[\p{C}/]/gu, ' ').trim().slice(0, 60) || 'file';

export class Importing {
  kind = $state<ImportKind>('items');
  file = $state.raw<File | null>(null);
  preview = $state.raw<ImportPreview | null>(null);
  name = $state('');
  looking = $state(false);
  busy = $state(false);
  wrong = $state('');
  work = $state.raw<Import | null>(null);
  errors = $state.raw<ImportError[]>([]);
  cursor = $state<string | null>(null);
  private mapping: Record<string, string> | null = null;
  private decimal: DecimalMark | null = null;
  private asked = 0;

  constructor(private readonly done: () => void) {}

  ready = $derived(this.preview !== null && this.preview.missing == null && !this.looking);
  running = $derived(this.work?.state === 'running');
  /** Its columns are not called as ours: where they go is kept under a name. */
  mapped = $derived(this.preview !== null && !this.preview.plain);

  choose(kind: ImportKind, file: File | null) {
    this.kind = kind;
    this.file = file;
    this.preview = this.work = null;
    this.mapping = this.decimal = null;
    this.errors = [];
    this.wrong = '';
    void this.look();
  }

  /** Another column of the file for one of ours; none takes it away. */
  place(column: string, theirs: string) {
    const mapping = Object.entries({ ...this.preview?.mapping, [column]: theirs });
    this.mapping = Object.fromEntries(mapping.filter(([, name]) => name !== ''));
    void this.look();
  }

  writes(decimal: DecimalMark) {
    this.decimal = decimal;
    void this.look();
  }

  private async look() {
    const { file, kind } = this;
    const mine = ++this.asked;
    if (!file) return;
    this.looking = true;
    const asked = [
      `kind=${kind}`,
      file.size > FIRST_BYTES ? 'part=true' : '',
      this.mapping ? `columns=${seg(JSON.stringify(this.mapping))}` : '',
      this.decimal ? `decimal=${this.decimal}` : '',
    ].filter(Boolean).join('&');
    try {
      const raw = csv(file.slice(0, FIRST_BYTES));
      const path = `v1/imports/preview?${asked}`;
      const seen = await theApi().post<ImportPreview>(path, undefined, { raw });
      if (mine !== this.asked) return;
      if (!this.mapping) this.name = seen.name ?? nameOf(file);
      this.preview = seen;
      this.wrong = '';
    } catch (cause) {
      if (mine === this.asked) this.stop(cause);
    }
    if (mine === this.asked) this.looking = false;
  }

  async send() {
    const { file, kind, preview } = this;
    if (!file || !preview) return;
    this.busy = true;
    this.wrong = '';
    this.errors = [];
    try {
      const decimal = this.decimal ? `&decimal=${this.decimal}` : '';
      const mapping = this.mapped ? `&mapping=${seg(await this.keep(preview))}` : '';
      const path = `v1/imports?kind=${kind}${mapping}${decimal}`;
      const { id } = await theApi().post<{ id: string }>(path, undefined, {
        key: newKey(), raw: csv(file),
      });
      await this.follow(id);
    } catch (cause) {
      this.stop(cause);
    }
  }

  /** Keeps where the columns go, so that the next file like this one says it by itself. */
  private async keep(preview: ImportPreview): Promise<string> {
    const name = this.name.trim() || (this.file ? nameOf(this.file) : 'file');
    const known = preview.source === 'remembered' && preview.name === name;
    if (!known || this.decimal) {
      await theApi().put(`v1/import-mappings/${this.kind}/${seg(name)}`, {
        headers: preview.header, columns: preview.mapping, decimal: this.decimal,
      });
    }
    return name;
  }

  async cancel() {
    if (!this.work) return;
    try {
      this.work = await theApi().post<Import>(`v1/imports/${seg(this.work.id)}/cancel`);
    } catch (cause) {
      this.stop(cause);
    }
  }

  async moreErrors() {
    if (this.work) await this.readErrors(this.work.id, true).catch((cause) => this.stop(cause));
  }

  private async readErrors(id: string, more = false) {
    const from = more && this.cursor ? `?cursor=${seg(this.cursor)}` : '';
    const answer = await theApi().get<Errors>(`v1/imports/${seg(id)}/errors${from}`);
    this.errors = more ? [...this.errors, ...answer.errors] : answer.errors;
    this.cursor = answer.next_cursor;
  }

  private async follow(id: string): Promise<void> {
    const now = await theApi().get<Import>(`v1/imports/${seg(id)}`);
    this.work = now;
    if (now.state === 'running') {
      setTimeout(() => void this.follow(id).catch((cause) => this.stop(cause)), LOOK_MS);
      return;
    }
    this.busy = false;
    this.file = this.preview = null;
    if (now.rows_failed > 0) await this.readErrors(id);
    await readHasItems();
    this.done();
  }

  private stop(cause: unknown) {
    this.busy = false;
    noteFailure(cause);
    this.wrong = saidOfFile(cause);
  }
}
