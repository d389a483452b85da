// The type of an icon component, so that others can take one as a property.
import type { Component } from 'svelte';

export type Icon = Component<{ size?: number; strokeWidth?: number; class?: string }>;
