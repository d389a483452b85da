// Starts the customer display.
import '../shared/base.css';
import { mount } from 'svelte';
import { applyLocale } from '../shared/locale';
import App from './App.svelte';
import { begin } from './screen.svelte';

applyLocale();
begin();
const target = document.getElementById('app');
if (target) mount(App, { target });
