// Starts the set-up page.
import '../shared/base.css';
import { mount } from 'svelte';
import { applyLocale } from '../shared/locale';
import App from './App.svelte';
import { open } from './office.svelte';

applyLocale();
void open();
const target = document.getElementById('app');
if (target) mount(App, { target });
