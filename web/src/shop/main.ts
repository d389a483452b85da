// Starts the shop page. Its theme is the retailer's: it stays light.
import '../shared/base.css';
import { mount } from 'svelte';
import { applyLocale } from '../shared/locale';
import App from './App.svelte';
import { open } from './shop.svelte';

applyLocale(false);
void open();
const target = document.getElementById('app');
if (target) mount(App, { target });
