//! The student's page.

import { mount } from 'svelte';
import { heedTokens, takeToken } from '$api/token';
import '$lib/look/base.css';
import '$lib/look/theme.svelte';
import StudentPage from './StudentPage.svelte';

takeToken('student');
heedTokens('student');
mount(StudentPage, { target: document.getElementById('page')! });
