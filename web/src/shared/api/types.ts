// What the hub says and takes, as the pages use it. Written by hand after the hub's documentation;
// the generated `hub.ts` replaces the bodies here while the names stay.
import type { Money } from '../format';

export type { Money };

export type Item = {
  sku: string;
  name: string;
  barcodes: string[];
  unit: string;
  price: Money;
  tax: string;
  brand: string | null;
  category: string | null;
  image: string | null;
  options: string | null;
  state: string;
  version: number;
};

export type Tax = { class: string; rate_basis_points: number; name: string };
export type Shop = {
  name: string;
  currency: string;
  zone: string;
  default_tax: string;
  taxes: Tax[];
};

export type Freshness = 'fresh' | 'stale' | 'dark' | 'none';
export type Location = {
  code: string;
  name: string;
  kind: 'store' | 'warehouse';
  zone: string;
  address: string | null;
  receipt_header: string[];
  opening_hours: string | null;
  state: string;
  link: Freshness;
};
export type Register = { location: string; code: string; name: string; state?: string };
export type Role = 'manager' | 'clerk' | 'cashier';
export type Staff = { code: string; name: string; role: Role; locations: string[] };
export type Display =
  | { kind: 'exact'; cap: number }
  | { kind: 'level' }
  | { kind: 'yes_no' };
export type Key = {
  id: string;
  name: string;
  kind: 'secret' | 'publishable';
  scopes: string[];
  origins?: string[];
  channel?: string | null;
  display?: Display | null;
  created_at?: string;
};
export type Agent = {
  id: string;
  location: string;
  name: string;
  state: string;
  last_answer_age_ms: number | null;
  link: Freshness | string;
};
export type Enrolment = { code: string; expires_at: string; hub_url: string };
export type PolicyKind = 'safety' | 'buffer' | 'share';
export type Policy = {
  kind: PolicyKind;
  sku: string;
  location?: string | null;
  channel?: string | null;
  quantity: number;
};
export type Import = {
  id: string;
  kind: 'items' | 'stock';
  state: 'running' | 'done' | 'failed';
  rows_total: number | null;
  rows_done: number;
  rows_failed: number;
};
export type ImportError = { row: number; code: string; detail: string };
export type Session = { name: string; role: string; scopes: string[] };

// The public shop.
export type ShopConfig = { shop: string; currency: string; key: string; locale: string };
export type PublicItem = {
  sku: string;
  name: string;
  options: string | null;
  price: Money;
  image: string | null;
  category: string | null;
  brand: string | null;
};
export type Shown =
  | { kind: 'exact'; count: number; more: boolean }
  | { kind: 'level'; level: 'in_stock' | 'low' | 'out' }
  | { kind: 'yes_no'; available: boolean };
export type StockAt = {
  location: string;
  name: string;
  kind: 'store' | 'warehouse';
  shown: Shown;
  state: 'fresh' | 'stale' | 'dark';
  as_of: string;
};
export type PublicStock = { sku: string; total: Shown; locations: StockAt[] };
export type Hold = {
  id: string;
  state: string;
  expires_at: string;
  sku: string;
  location: string;
};
