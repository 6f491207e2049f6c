// The box above the deleted objects checks or clears all boxes of the page.
'use strict';
{
    const all = document.getElementById('sonic-choose-all');
    if (all) {
        all.addEventListener('change', () => {
            for (const box of document.querySelectorAll('input.action-select')) {
                box.checked = all.checked;
            }
        });
    }
}
