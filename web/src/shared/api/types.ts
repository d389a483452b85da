// What the hub says and takes, under the names that the pages use. The shapes are the OpenAPI
// document's (`hub.d.ts`, written by `cargo xtask types`): only names are made here.
import type { components } from './hub';

type Schemas = components['schemas'];

export type Money = Schemas['Money'];
export type Item = Schemas['Item'];
export type Tax = Schemas['Tax'];
export type Shop = Schemas['Shop'];
export type Location = Schemas['Location'];
export type Freshness = Location['link'];
export type Register = Schemas['Register'];
export type Staff = Schemas['Staff'];
export type Role = Staff['role'];
export type Display = Schemas['Display'];
export type Key = Schemas['Key'];
export type Agent = Schemas['Agent'];
export type AgentCopy = Schemas['AgentCopy'];
export type Enrolment = Schemas['MadeEnrolment'];
export type Policy = Schemas['Policy'];
export type PolicyKind = Policy['kind'];
export type Import = Schemas['Import'];
export type ImportError = Schemas['ImportError'];
export type ImportKind = Schemas['ImportKind'];
export type ImportPreview = Schemas['ImportPreview'];
export type DecimalMark = Schemas['DecimalMark'];
export type Notice = Schemas['Notice'];
export type RejectedFact = Schemas['RejectedFact'];
export type Channel = Schemas['Channel'];
export type Delivery = Schemas['Delivery'];
export type ChannelOrder = Schemas['ChannelOrder'];
export type Store = Schemas['Store'];
export type StoreDetail = Schemas['StoreDetail'];
export type StoreItem = Schemas['StoreItem'];
export type Transfer = Schemas['Transfer'];
export type TransferLine = Schemas['TransferLine'];
export type ItemStock = Schemas['Stock'];
export type Session = Schemas['Session'];

// The public shop.
export type ShopConfig = Schemas['ShopConfig'];
export type PublicItem = Schemas['PublicItem'];
export type Shown = Schemas['Shown'];
export type StockAt = Schemas['ShownLocation'];
export type PublicStock = Schemas['ShownItem'];
export type Hold = Schemas['Hold'];
